import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { changesOf, configChanges } from '@hub/events/audit.js';
import { Outbox, type Author, type Changes } from '@hub/events/outbox.js';
import type { EventType } from '@hub/events/catalog.js';
import { Bot } from '@hub/model/bot.entity.js';
import { Channel } from '@hub/model/channel.entity.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { ChannelView } from '@hub/model/views.js';
import { HubError, NotFoundError, UnprocessableError, ValidationError } from '@hub/platform/errors.js';
import { encodeId, newId } from '@hub/platform/ids.js';
import { mergeJson } from '@hub/platform/json.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import { IsNull } from 'typeorm';
import { isConnectable } from './capabilities.js';
import { ACCOUNT_KEYS, accountOf, maskConfig, sealConfig, type ConfigurableType } from './channel-config.js';
import { ChannelNotFoundError, ChannelsQueries } from './channels.queries.js';
import type { CreateChannel, UpdateChannel } from './channels.types.js';

type ChannelEvent = Extract<EventType, `channel.${string}`>;

@Injectable()
export class ChannelsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly queries: ChannelsQueries,
    private readonly box: SecretBox,
  ) {}

  /**
   * Adds a channel, inactive until {@link activate}.
   * @throws ValidationError naming `config.<key>`; NotFoundError BOT_NOT_FOUND; HubError CHANNEL_ALREADY_EXISTS when the
   * provider's account is another channel's
   */
  async create(author: Author, command: CreateChannel): Promise<ChannelView> {
    const { organizationId } = author;
    const config = sealConfig(command.type, command.config, {}, this.box);
    const account = accountOf(command.type, config, this.box);
    return this.transaction(author, command.type, async (tx) => {
      await this.requireFree(tx, organizationId, command.type, account);
      await this.requireBot(tx, organizationId, command.defaultBotId);
      const id = newId();
      await insertRow(tx, Channel, {
        ...command,
        metadata: mergeJson({}, command.metadata),
        config,
        account,
        organizationId,
        id,
        status: 'inactive',
      });
      const after = await this.queries.getChannel(organizationId, id, tx);
      const made = changesOf<ChannelView>(null, after, ['name', 'type', 'config', 'defaultBot', 'metadata']);
      return this.tell(tx, author, after, 'channel.created', made);
    });
  }

  /**
   * The organization's own channel, of type internal and always active: made when it is first needed. Several
   * conversations of one contact live in it side by side. @returns its id
   */
  async builtinIn(tx: Tx, author: Author): Promise<string> {
    const { organizationId } = author;
    const find = () =>
      tx.query<{ id: string }[]>('SELECT id FROM channel WHERE organization_id = $1 AND builtin', [organizationId]);
    const [known] = await find();
    if (known) return known.id;
    const [made] = await tx.query<{ id: string }[]>(
      `INSERT INTO channel (organization_id, id, name, type, status, builtin, single_conversation)
       VALUES ($1, $2, 'Internal', 'internal', 'active', true, false)
       ON CONFLICT (organization_id) WHERE builtin DO NOTHING RETURNING id`,
      [organizationId, newId()],
    );
    const [row] = made ? [made] : await find(); // somebody else has made it in the same moment
    if (!row) throw new Error('The built-in channel is neither there nor to be made');
    if (made)
      await this.tell(tx, author, await this.queries.getChannel(organizationId, made.id, tx), 'channel.created');
    return row.id;
  }

  /** @throws as {@link create}; ChannelNotFoundError */
  async update(author: Author, command: UpdateChannel): Promise<ChannelView> {
    const { organizationId } = author;
    const { id, config, metadata, ...rest } = command;
    return this.transaction(author, null, async (tx) => {
      const channel = await this.lockIn(tx, organizationId, id);
      if (command.defaultBotId) await this.requireBot(tx, organizationId, command.defaultBotId);
      const type = channel.type as ConfigurableType;
      const wanted: Partial<Channel> = {
        ...rest,
        ...(config && (await this.configured(tx, channel, config))),
        ...(metadata && { metadata: mergeJson(channel.metadata, metadata) }),
      };
      const changed = Object.entries(wanted).filter(
        ([field, value]) => value !== undefined && !isDeepStrictEqual(channel[field as keyof Channel], value),
      );
      if (changed.length === 0) return this.queries.getChannel(organizationId, id, tx);
      const before = await this.queries.getChannel(organizationId, id, tx);
      await updateRow(tx, Channel, { organizationId, id }, Object.fromEntries(changed));
      const after = await this.queries.getChannel(organizationId, id, tx);
      return this.tell(tx, author, after, 'channel.updated', {
        ...changesOf(before, after, ['name', 'defaultBot', 'reopenWindowSeconds', 'metadata']),
        ...configChanges(channel.config, wanted.config ?? channel.config, (part) => maskConfig(type, part)),
      });
    });
  }

  /** @throws UnprocessableError CHANNEL_NOT_CONNECTED when this version cannot connect the channel's type */
  async activate(author: Author, id: string): Promise<ChannelView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      const channel = await this.lockIn(tx, organizationId, id);
      if (!isConnectable(channel.type)) {
        throw new UnprocessableError('CHANNEL_NOT_CONNECTED', `This version cannot connect to ${channel.type} yet`);
      }
      if (channel.status === 'active') return this.queries.getChannel(organizationId, id, tx);
      return this.switch(tx, author, channel, 'active');
    });
  }

  async deactivateIn(tx: Tx, author: Author, id: string): Promise<ChannelView> {
    const { organizationId } = author;
    const channel = await this.lockIn(tx, organizationId, id);
    if (channel.status === 'inactive') return this.queries.getChannel(organizationId, id, tx);
    return this.switch(tx, author, channel, 'inactive');
  }

  /** The channel stays behind its closed conversations, without its credentials. */
  async removeIn(tx: Tx, author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.lockIn(tx, organizationId, id);
    await this.tell(tx, author, await this.queries.getChannel(organizationId, id, tx), 'channel.deleted');
    const gone = { status: 'inactive', config: {}, account: null, deletedAt: new Date() } as const;
    await updateRow(tx, Channel, { organizationId, id }, gone);
  }

  /**
   * Loads a channel for change: nobody opens, sends or changes through it until the transaction ends.
   * @throws ChannelNotFoundError; ValidationError INVALID_CHANNEL_TYPE of the built-in one
   */
  async lockIn(tx: Tx, organizationId: string, id: string): Promise<Channel> {
    const where = { organizationId, id, deletedAt: IsNull() };
    const channel = await tx.findOne(Channel, { where, lock: { mode: 'pessimistic_write' } });
    if (!channel) throw new ChannelNotFoundError();
    if (channel.builtin) {
      const problem = { field: 'id', message: 'the built-in channel stays as it is' };
      throw new ValidationError([problem], 'The built-in channel cannot be changed', 'INVALID_CHANNEL_TYPE');
    }
    return channel;
  }

  /** The configuration after a change and, where that is touched, which account it is of. */
  private async configured(tx: Tx, channel: Channel, change: JsonObject): Promise<Partial<Channel>> {
    const type = channel.type as ConfigurableType;
    const config = sealConfig(type, change, channel.config, this.box);
    if (!Object.hasOwn(change, ACCOUNT_KEYS[type] ?? '')) return { config };
    const account = accountOf(type, config, this.box);
    await this.requireFree(tx, channel.organizationId, type, account, channel.id);
    return { config, account };
  }

  private async requireFree(
    tx: Tx,
    organizationId: string,
    type: ConfigurableType,
    account: string | null,
    except: string | null = null,
  ): Promise<void> {
    const [other] = await tx.query<{ id: string }[]>(
      `SELECT id FROM channel WHERE organization_id = $1 AND type = $2 AND account = $3 AND deleted_at IS NULL
         AND id IS DISTINCT FROM $4`,
      [organizationId, type, account, except],
    );
    if (other) throw accountTaken(type, other.id);
  }

  /** A transaction whose clash over an account of a provider is told as such. */
  private async transaction<T>(
    { organizationId }: Author,
    type: ConfigurableType | null,
    work: (tx: Tx) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.db.transaction(organizationId, work);
    } catch (error) {
      throw violatedUnique(error) === 'channel_account' ? accountTaken(type) : error;
    }
  }

  private async switch(tx: Tx, author: Author, channel: Channel, status: 'active' | 'inactive'): Promise<ChannelView> {
    const { organizationId, id } = channel;
    await updateRow(tx, Channel, channel, { status });
    const after = await this.queries.getChannel(organizationId, id, tx);
    const type = status === 'active' ? 'channel.activated' : 'channel.deactivated';
    return this.tell(tx, author, after, type, { status: { before: channel.status, after: status } });
  }

  private async tell(
    tx: Tx,
    author: Author,
    subject: ChannelView,
    type: ChannelEvent,
    changes?: Changes,
  ): Promise<ChannelView> {
    const told = changes ? { changes } : {};
    await this.outbox.append(tx, { type, author, conversationId: null, channelId: subject.id, subject, ...told });
    return subject;
  }

  private async requireBot(tx: Tx, organizationId: string, id: string | null): Promise<void> {
    if (id === null) return;
    if (!(await tx.existsBy(Bot, { organizationId, id, deletedAt: IsNull() }))) {
      throw new NotFoundError('BOT_NOT_FOUND', 'Bot does not exist', 'defaultBotId');
    }
  }
}

/** @param id the channel that has it, where it is known */
function accountTaken(type: ConfigurableType | null, id?: string): HubError {
  const message = `This ${type ?? 'provider'} account is another channel's`;
  const field = `config${type ? `.${ACCOUNT_KEYS[type]}` : ''}`;
  const problem = { field, message: id ? `${message}: ${encodeId('ch', id)}` : message };
  return new HubError('conflict', 'CHANNEL_ALREADY_EXISTS', message, [problem], id ? { channelId: id } : {});
}
