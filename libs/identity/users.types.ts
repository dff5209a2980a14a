import type { Capacity, Skill, User, UserRole, UserStatus } from '@hub/model/user.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';

/** What the audit log tells of a user: no credential is among it. */
export const AUDITED_USER = [
  'email',
  'name',
  'role',
  'status',
  'avatar',
  'metadata',
  'skills',
  'capacity',
] as const satisfies readonly (keyof User)[];

export interface CreateUser {
  readonly email: string;
  readonly name: string;
  readonly role: UserRole;
  readonly avatar: string | null;
  readonly metadata: JsonObject;
  /** None unless set. */
  readonly skills?: readonly Skill[];
  /** Ten in all unless set. */
  readonly capacity?: Partial<Capacity>;
  /** Null: invited by mail to set one. */
  readonly password: string | null;
}

/** Absent fields stay as they are. */
export interface UpdateUser {
  readonly id: string;
  readonly name?: string;
  readonly role?: UserRole;
  readonly status?: UserStatus;
  readonly avatar?: string | null;
  readonly metadata?: JsonObject;
  readonly skills?: readonly Skill[];
  /** What is absent in it stays, too. */
  readonly capacity?: Partial<Capacity>;
}
