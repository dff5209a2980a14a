import type { UserRole, UserStatus } from '@hub/model/user.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';

export interface CreateUser {
  readonly email: string;
  readonly name: string;
  readonly role: UserRole;
  readonly avatar: string | null;
  readonly metadata: JsonObject;
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
}
