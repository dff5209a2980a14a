import type { NamedTeam } from '@hub/assignment/teams/teams.queries.js';
import type { CreateUser, UpdateUser } from '@hub/identity/users.types.js';
import type { User } from '@hub/model/user.entity.js';
import { encodeId } from '@hub/platform/ids.js';
import { capacityOf, skillsOf } from './skills.dto.js';
import type { CreateUserBody, UpdateUserBody } from './user.dto.js';
import type { Resource } from './v1.envelope.js';

/** @param teams where the user's are told, too */
export const userResource = (user: User, teams?: readonly NamedTeam[]): Resource => ({
  id: encodeId('user', user.id),
  type: 'user',
  attributes: {
    number: user.number,
    email: user.email,
    name: user.name,
    role: user.role,
    status: user.status,
    avatar: user.avatar,
    metadata: user.metadata,
    skills: user.skills,
    capacity: user.capacity,
    ...(teams && { teams: teams.map(({ id, name }) => ({ id: encodeId('team', id), name })) }),
    createdAt: user.createdAt,
    updatedAt: user.updatedAt,
  },
});

export const toCreateUser = ({ avatar, metadata, password, ...body }: CreateUserBody): CreateUser => ({
  avatar: avatar ?? null,
  metadata: metadata ?? {},
  password: password ?? null,
  ...abilitiesOf(body),
});

export const toUpdateUser = (id: string, body: UpdateUserBody): UpdateUser => ({ ...abilitiesOf(body), id });

function abilitiesOf<T extends Pick<UpdateUserBody, 'skills' | 'capacity'>>({ skills, capacity, ...rest }: T) {
  return {
    ...rest,
    ...(skills && { skills: skillsOf(skills) }),
    ...(capacity && { capacity: capacityOf(capacity) }),
  };
}
