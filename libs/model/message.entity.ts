import { Column, Entity } from 'typeorm';
import type { PartyRef } from './conversation.entity.js';
import { TenantRow, type JsonObject } from './tenant-row.js';

export type MessageDirection = 'inbound' | 'outbound' | 'internal';
export type MessageStatus = 'pending' | 'sent' | 'delivered' | 'read' | 'failed';

/** A draft goes nowhere until a supervisor has approved it. */
export type DraftState = 'pending' | 'approved' | 'rejected';

/** Who else a message goes to: addresses of email, or postal ones of letters. */
export interface Recipients {
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly bcc: readonly string[];
}

/** `type` and what that type needs; the wire form of the native API is the stored form. */
export interface MessageContent {
  readonly type: string;
  readonly [field: string]: unknown;
}

@Entity('message')
export class Message extends TenantRow {
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  @Column('uuid') conversationId: string;
  @Column('uuid') channelId: string;
  /** Place within the conversation: 1, 2, 3 … in the order of commit. */
  @Column('bigint') seq: number;
  /** `internal` is a private note: it never reaches the contact. */
  @Column('text') direction: MessageDirection;
  @Column('text') contentType: string;
  @Column('jsonb') content: MessageContent;
  /** What there is to search in: the text or the caption. */
  @Column({ type: 'text', nullable: true }) text: string | null;
  @Column('text') status: MessageStatus;
  @Column('jsonb') sender: PartyRef;
  @Column({ type: 'jsonb', nullable: true }) recipients: Recipients | null;
  @Column({ type: 'text', nullable: true }) draftState: DraftState | null;
  @Column({ type: 'text', nullable: true }) draftReason: string | null;
  @Column({ type: 'jsonb', nullable: true }) draftReviewedBy: PartyRef | null;
  @Column({ type: 'timestamptz', nullable: true }) draftReviewedAt: Date | null;
  /** When it is to be sent. */
  @Column({ type: 'timestamptz', nullable: true }) scheduledAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) sentAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) deliveredAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) readAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) failedAt: Date | null;
  @Column({ type: 'text', nullable: true }) failedReason: string | null;
  /** It was handed over, and nobody knows whether it arrived: it is not sent again. */
  @Column('boolean') outcomeUnknown: boolean;
  @Column('integer') attachmentCount: number;
  @Column({ type: 'timestamptz', nullable: true }) deletedAt: Date | null;
  /** The provider's id; unique per channel. */
  @Column({ type: 'text', nullable: true }) externalId: string | null;
  /** The sender's id, against sending twice; unique per conversation. */
  @Column({ type: 'text', nullable: true }) clientMessageId: string | null;
  @Column('jsonb') metadata: JsonObject;
  /** When it was written, by the clock of the side that wrote it. */
  @Column('timestamptz') occurredAt: Date;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
}
