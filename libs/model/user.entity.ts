import { Column, Entity } from 'typeorm';
import { TenantRecord, type JsonObject } from './tenant-row.js';

export const USER_ROLES = ['super_admin', 'admin', 'supervisor', 'agent', 'customer'] as const;
export type UserRole = (typeof USER_ROLES)[number];
export const USER_STATUSES = ['active', 'invited', 'suspended'] as const;
export type UserStatus = (typeof USER_STATUSES)[number];

export interface Skill {
  readonly name: string;
  /** 1 to 10. */
  readonly level: number;
}

/** How many conversations a user takes at once, in all and by the type of the channel. */
export interface Capacity {
  readonly total: number;
  readonly perChannel: Readonly<Record<string, number>>;
}

@Entity('users')
export class User extends TenantRecord {
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  @Column('text') email: string;
  /** The email as it is compared; see `canonicalEmail`. */
  @Column({ type: 'text', select: false }) emailKey: string;
  @Column('text') name: string;
  @Column('text') role: UserRole;
  @Column('text') status: UserStatus;
  @Column({ type: 'text', nullable: true }) avatar: string | null;
  @Column('jsonb') metadata: JsonObject;
  @Column('jsonb') skills: readonly Skill[];
  @Column('jsonb') capacity: Capacity;
}
