import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { ChannelNotFoundError } from '@hub/channels/channels.queries.js';
import { BotNotFoundError } from '@hub/conversations/conversations.errors.js';
import type { EventType } from '@hub/events/catalog.js';
import { appendAudit, changesOf, configChanges } from '@hub/events/audit.js';
import { Outbox, type Author, type Changes } from '@hub/events/outbox.js';
import { Bot, BotChannel, type BotStatus } from '@hub/model/bot.entity.js';
import { Database, type Tx } from '@hub/model/database.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import type { BotView } from '@hub/model/views.js';
import { HubError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import { IsNull } from 'typeorm';
import { maskBotConfig, sealBotConfig } from './bot-config.js';
import { BotsQueries } from './bots.queries.js';
import type { CreateBot, UpdateBot } from './bots.types.js';

type BotEvent = Extract<EventType, `bot.${string}`>;

/** Bots as records that can be assignees; their turns are another matter. */
@Injectable()
export class BotsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly queries: BotsQueries,
    private readonly box: SecretBox,
  ) {}

  /** @throws ValidationError naming `config.<key>`; ChannelNotFoundError */
  async create(author: Author, command: CreateBot): Promise<BotView> {
    const { organizationId } = author;
    const { channelIds, ...fields } = command;
    const config = sealBotConfig(command.config, {}, this.box);
    return this.db.transaction(organizationId, async (tx) => {
      const id = newId();
      await insertRow(tx, Bot, { ...fields, config, organizationId, id, status: 'inactive' });
      await this.setChannels(tx, organizationId, id, channelIds);
      const after = await this.queries.getBot(organizationId, id, tx);
      const made = changesOf<BotView>(null, after, ['name', 'description', 'provider', 'model', 'config', 'channels']);
      return this.tell(tx, author, after, 'bot.created', made);
    });
  }

  async update(author: Author, command: UpdateBot): Promise<BotView> {
    const { organizationId } = author;
    const { id, channelIds, config, ...fields } = command;
    return this.db.transaction(organizationId, async (tx) => {
      const bot = await this.lock(tx, organizationId, id);
      const before = await this.queries.getBot(organizationId, id, tx);
      const sealed = config && sealBotConfig(config, bot.config, this.box);
      const wanted: Partial<Bot> = { ...fields, ...(sealed && { config: sealed }) };
      const changed = Object.entries(wanted).filter(
        ([field, value]) => value !== undefined && !isDeepStrictEqual(bot[field as keyof Bot], value),
      );
      if (channelIds) await this.setChannels(tx, organizationId, id, channelIds);
      const { channels } = await this.queries.getBot(organizationId, id, tx);
      if (changed.length === 0 && isDeepStrictEqual(channels, before.channels)) return before;
      await updateRow(tx, Bot, { organizationId, id }, Object.fromEntries(changed));
      const after = await this.queries.getBot(organizationId, id, tx);
      return this.tell(tx, author, after, 'bot.updated', {
        ...changesOf(before, after, ['name', 'description', 'provider', 'model', 'channels']),
        ...configChanges(bot.config, sealed ?? bot.config, maskBotConfig),
      });
    });
  }

  /** Switches a bot on or off; what it already has stays with it. */
  async setStatus(author: Author, id: string, status: Exclude<BotStatus, 'error'>): Promise<BotView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      const bot = await this.lock(tx, organizationId, id);
      if (bot.status === status) return this.queries.getBot(organizationId, id, tx);
      await updateRow(tx, Bot, { organizationId, id }, { status });
      const after = await this.queries.getBot(organizationId, id, tx);
      return this.tell(tx, author, after, status === 'active' ? 'bot.activated' : 'bot.deactivated', {
        status: { before: bot.status, after: status },
      });
    });
  }

  /** @throws HubError BOT_IS_ACTIVE; ACTIVE_CONVERSATIONS_EXIST while it is the assignee of a live conversation */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      const bot = await this.lock(tx, organizationId, id);
      if (bot.status === 'active') {
        throw new HubError('validation', 'BOT_IS_ACTIVE', 'The bot is active: deactivate it first');
      }
      const [busy] = await tx.query<unknown[]>(
        `SELECT 1 FROM conversation WHERE organization_id = $1 AND assignee_id = $2 AND status <> 'closed' LIMIT 1`,
        [organizationId, id],
      );
      if (busy) {
        throw new HubError(
          'validation',
          'ACTIVE_CONVERSATIONS_EXIST',
          'The bot is the assignee of open conversations: transfer or close them first',
        );
      }
      await tx.delete(BotChannel, { organizationId, botId: id });
      await updateRow(tx, Bot, { organizationId, id }, { config: {}, deletedAt: new Date() });
      await appendAudit(tx, { author, action: 'bot.deleted', subjectId: id });
    });
  }

  private async setChannels(tx: Tx, organizationId: string, botId: string, ids: readonly string[]): Promise<void> {
    const wanted = [...new Set(ids)];
    const found = await tx.query<unknown[]>(
      `SELECT 1 FROM channel WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL FOR KEY SHARE`,
      [organizationId, wanted],
    );
    if (found.length !== wanted.length) throw new ChannelNotFoundError('channelIds');
    await tx.delete(BotChannel, { organizationId, botId });
    for (const channelId of wanted) await insertRow(tx, BotChannel, { organizationId, botId, channelId });
  }

  private async lock(tx: Tx, organizationId: string, id: string): Promise<Bot> {
    const where = { organizationId, id, deletedAt: IsNull() };
    const bot = await tx.findOne(Bot, { where, lock: { mode: 'pessimistic_write' } });
    if (!bot) throw new BotNotFoundError();
    return bot;
  }

  private async tell(tx: Tx, author: Author, subject: BotView, type: BotEvent, changes: Changes): Promise<BotView> {
    await this.outbox.append(tx, { type, author, conversationId: null, channelId: null, subject, changes });
    return subject;
  }
}
