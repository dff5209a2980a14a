import { Column, Entity } from 'typeorm';
import type { PartyRef } from './conversation.entity.js';
import { TenantRow, type JsonObject } from './tenant-row.js';

export type MessageDirection = 'inbound' | 'outbound' | 'internal';
export type MessageStatus = 'pending' | 'sent' | 'delivered' | 'read' | 'failed';

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
  /** The provider's id; unique per channel. */
  @Column({ type: 'text', nullable: true }) externalId: string | null;
  /** The sender's id, against sending twice; unique per conversation. */
  @Column({ type: 'text', nullable: true }) clientMessageId: string | null;
  @Column('jsonb') metadata: JsonObject;
  /** When it was written, by the clock of the side that wrote it. */
  @Column('timestamptz') occurredAt: Date;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
}
