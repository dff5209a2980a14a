import { Column, Entity } from 'typeorm';
import { TenantRecord, TenantRow, type JsonObject } from './tenant-row.js';

@Entity('contact')
export class Contact extends TenantRecord {
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  @Column({ type: 'text', nullable: true }) name: string | null;
  @Column({ type: 'text', nullable: true }) email: string | null;
  /** E.164. */
  @Column({ type: 'text', nullable: true }) phone: string | null;
  @Column({ type: 'text', nullable: true }) avatar: string | null;
  /** The caller's own id of this person. */
  @Column({ type: 'text', nullable: true }) externalId: string | null;
  @Column('jsonb') metadata: JsonObject;
  @Column('text', { array: true }) tags: string[];
  /** The contact that this one has become part of. */
  @Column({ type: 'uuid', nullable: true }) mergedInto: string | null;
  @Column({ type: 'timestamptz', nullable: true }) lastSeenAt: Date | null;
  /** A token of the contact holds as long as this is what it carries. */
  @Column({ type: 'integer', select: false, insert: false, update: false }) tokenEpoch: number;
}

/** Who a contact is on one channel: the provider's id, verbatim. */
@Entity('contact_identity')
export class ContactIdentity extends TenantRow {
  @Column('uuid') contactId: string;
  @Column('text') channelType: string;
  @Column('uuid') channelId: string;
  @Column('text') identifier: string;
  @Column({ type: 'text', nullable: true }) displayName: string | null;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
}
