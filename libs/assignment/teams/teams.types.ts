import type { JsonObject } from '@hub/model/tenant-row.js';
import type { Capacity, Skill, UserRole, UserStatus } from '@hub/model/user.entity.js';
import type { PageRequest } from '@hub/platform/paging.js';

export interface TeamView {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly metadata: JsonObject;
  readonly memberCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface TeamMember {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: UserRole;
  readonly status: UserStatus;
  readonly skills: readonly Skill[];
  readonly capacity: Capacity;
  readonly joinedAt: Date;
}

export interface CreateTeam {
  readonly name: string;
  readonly description: string | null;
  readonly metadata: JsonObject;
}

/** Absent fields stay as they are; metadata is merged. */
export interface UpdateTeam extends Partial<CreateTeam> {
  readonly id: string;
}

export interface Membership {
  readonly teamId: string;
  readonly userId: string;
}

export interface ListTeams extends PageRequest {
  readonly sortOrder: 'asc' | 'desc';
}
