import { Column, Entity } from 'typeorm';
import type { Priority } from './conversation.entity.js';
import { TenantRow, type JsonObject } from './tenant-row.js';

export const TICKET_STATUSES = ['open', 'pending', 'closed'] as const;
export type TicketStatus = (typeof TICKET_STATUSES)[number];

/** The folder that a contact's conversations about one matter hang on. */
@Entity('ticket')
export class Ticket extends TenantRow {
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  @Column('text') subject: string;
  @Column('text') status: TicketStatus;
  @Column('text') priority: Priority;
  @Column('uuid') contactId: string;
  /** The user who looks after it; the assignee of its conversations. */
  @Column({ type: 'uuid', nullable: true }) staffId: string | null;
  @Column('jsonb') metadata: JsonObject;
  @Column({ type: 'timestamptz', nullable: true }) closedAt: Date | null;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', insert: false }) updatedAt: Date;
}
