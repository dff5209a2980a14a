import { Column, Entity } from 'typeorm';
import { TenantRow, type JsonObject } from './tenant-row.js';

export const CONVERSATION_STATUSES = ['open', 'pending', 'snoozed', 'closed'] as const;
export type ConversationStatus = (typeof CONVERSATION_STATUSES)[number];
export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
export type Priority = (typeof PRIORITIES)[number];
export const RESOLUTIONS = ['resolved', 'unresolved', 'spam'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];
export type AssigneeType = 'user' | 'bot';
export type PartyKind = 'contact' | 'user' | 'bot' | 'api_key' | 'system';

/** Who did something, with the name they had when they did it. `id` is a UUID, absent for the system itself. */
export interface PartyRef {
  readonly type: PartyKind;
  readonly id: string | null;
  readonly name: string;
}

@Entity('conversation')
export class Conversation extends TenantRow {
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  @Column({ type: 'text', nullable: true }) subject: string | null;
  @Column('uuid') channelId: string;
  /** Null where colleagues talk among themselves. */
  @Column({ type: 'uuid', nullable: true }) contactId: string | null;
  @Column({ type: 'uuid', nullable: true }) ticketId: string | null;
  /** The record of another system that it is about; both or neither. */
  @Column({ type: 'text', nullable: true }) entityType: string | null;
  @Column({ type: 'text', nullable: true }) entityId: string | null;
  @Column('text') status: ConversationStatus;
  @Column('text') priority: Priority;
  @Column({ type: 'text', nullable: true }) assigneeType: AssigneeType | null;
  @Column({ type: 'uuid', nullable: true }) assigneeId: string | null;
  @Column({ type: 'timestamptz', nullable: true }) assignedAt: Date | null;
  @Column({ type: 'jsonb', nullable: true }) assignedBy: PartyRef | null;
  /** The team and the queue it was routed to last. */
  @Column({ type: 'uuid', nullable: true }) teamId: string | null;
  @Column({ type: 'uuid', nullable: true }) queueId: string | null;
  /** The attached bot: it may stay attached while a person is the assignee. */
  @Column({ type: 'uuid', nullable: true }) botId: string | null;
  @Column({ type: 'timestamptz', nullable: true }) snoozedUntil: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) closedAt: Date | null;
  @Column({ type: 'jsonb', nullable: true }) closedBy: PartyRef | null;
  @Column({ type: 'text', nullable: true }) resolution: Resolution | null;
  @Column({ type: 'text', nullable: true }) closureReason: string | null;
  /** Put away; only what is closed can be. */
  @Column({ type: 'timestamptz', nullable: true }) archivedAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) reopenedAt: Date | null;
  @Column({ type: 'jsonb', nullable: true }) reopenedBy: PartyRef | null;
  @Column({ type: 'timestamptz', nullable: true }) firstMessageAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) lastMessageAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) lastInboundAt: Date | null;
  @Column({ type: 'uuid', nullable: true }) lastMessageId: string | null;
  @Column('integer') messageCount: number;
  @Column('integer') unreadCount: number;
  /** The staff has read up to this message's `seq`. */
  @Column('bigint') readSeq: number;
  @Column('text', { array: true }) tags: string[];
  @Column('jsonb') metadata: JsonObject;
  /** Copied from the channel when it was opened: at most one live conversation for this contact and channel. */
  @Column('boolean') single: boolean;
  /** Raised by every change of state. */
  @Column('integer') version: number;
  @Column('bigint') messageSeq: number;
  @Column('bigint') eventSeq: number;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', insert: false }) updatedAt: Date;
}
