import { Column, Entity, PrimaryColumn } from 'typeorm';
import { TenantRecord, type JsonObject } from './tenant-row.js';

export const BOT_PROVIDERS = ['custom', 'openai', 'anthropic'] as const;
export type BotProvider = (typeof BOT_PROVIDERS)[number];
export type BotStatus = 'inactive' | 'active' | 'error';

@Entity('bot')
export class Bot extends TenantRecord {
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  @Column('text') name: string;
  @Column({ type: 'text', nullable: true }) description: string | null;
  @Column('text') status: BotStatus;
  @Column('text') provider: BotProvider;
  @Column({ type: 'text', nullable: true }) model: string | null;
  /** Its secret values are sealed. */
  @Column('jsonb') config: JsonObject;
}

@Entity('bot_channel')
export class BotChannel {
  @PrimaryColumn('uuid') organizationId: string;
  @PrimaryColumn('uuid') botId: string;
  @PrimaryColumn('uuid') channelId: string;
}
