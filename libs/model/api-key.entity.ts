import { Column, Entity } from 'typeorm';
import { TenantRow } from './tenant-row.js';

export type ApiKeyKind = 'user' | 'service' | 'bot';

@Entity('api_key')
export class ApiKey extends TenantRow {
  @Column('text') name: string;
  @Column('text') kind: ApiKeyKind;
  /** The first characters of the key, to recognise it by. */
  @Column('text') prefix: string;
  /** SHA-256 of the whole key; the key itself is never stored. */
  @Column('bytea') hash: Buffer;
  @Column('text', { array: true }) scopes: string[];
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) expiresAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) revokedAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) lastUsedAt: Date | null;
}
