import { Column, Entity } from 'typeorm';
import { TenantRecord, type JsonObject } from './tenant-row.js';

export const CHANNEL_TYPES = [
  'whatsapp',
  'facebook',
  'instagram',
  'telegram',
  'sms',
  'email',
  'webchat',
  'api',
  'internal',
] as const;
export type ChannelType = (typeof CHANNEL_TYPES)[number];
export type ChannelStatus = 'inactive' | 'active' | 'error' | 'pending';

@Entity('channel')
export class Channel extends TenantRecord {
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  @Column('text') name: string;
  @Column('text') type: ChannelType;
  @Column('text') status: ChannelStatus;
  /** Its secret values are sealed. */
  @Column('jsonb') config: JsonObject;
  /** Which account of its provider it is, where that has any: one channel for each. */
  @Column({ type: 'text', nullable: true }) account: string | null;
  @Column({ type: 'uuid', nullable: true }) defaultBotId: string | null;
  /** For how many seconds after its close a conversation is reopened when its contact writes; later, a new one. */
  @Column('integer') reopenWindowSeconds: number;
  /** The organization's own, of type internal: for what comes in by no provider. */
  @Column('boolean') builtin: boolean;
  /** At most one live conversation per contact. */
  @Column('boolean') singleConversation: boolean;
  @Column('jsonb') metadata: JsonObject;
}
