import { Column, Entity } from 'typeorm';
import { TenantRow } from './tenant-row.js';
import type { UserRole } from './user.entity.js';

export const API_KEY_KINDS = ['user', 'service', 'bot'] as const;
export type ApiKeyKind = (typeof API_KEY_KINDS)[number];

@Entity('api_key')
export class ApiKey extends TenantRow {
  @Column('text') name: string;
  @Column('text') kind: ApiKeyKind;
  /** The first characters of the key, to recognise it by. */
  @Column('text') prefix: string;
  /** SHA-256 of the whole key; the key itself is never stored. */
  @Column('bytea') hash: Buffer;
  @Column('text', { array: true }) scopes: string[];
  /** Who made it. A key of kind `user` ends with that user's access. */
  @Column({ type: 'uuid', nullable: true }) userId: string | null;
  /** The highest role it may hand out: its maker's. */
  @Column('text') authority: UserRole;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) expiresAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) revokedAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) lastUsedAt: Date | null;
}
