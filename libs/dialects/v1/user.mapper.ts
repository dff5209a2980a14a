import type { User } from '@hub/model/user.entity.js';
import { encodeId } from '@hub/platform/ids.js';
import type { Resource } from './v1.envelope.js';

export const userResource = (user: User): Resource => ({
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
    createdAt: user.createdAt,
    updatedAt: user.updatedAt,
  },
});
