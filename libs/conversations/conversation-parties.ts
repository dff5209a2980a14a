import { ChannelNotFoundError } from '@hub/channels/channels.queries.js';
import { ContactNotFoundError } from '@hub/contacts/contacts.queries.js';
import { UserNotFoundError } from '@hub/identity/identity.errors.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { UserRole } from '@hub/model/user.entity.js';
import { UnprocessableError } from '@hub/platform/errors.js';
import { BotNotFoundError, TicketNotFoundError } from './conversations.errors.js';

/* Whom and what a conversation needs: each is looked up in the caller's transaction and stays until it ends. */

export interface HostChannel {
  readonly type: ChannelType;
  readonly defaultBotId: string | null;
  /** At most one live conversation for each contact. */
  readonly single: boolean;
}

/** The channel of a conversation that is to be opened. @throws ChannelNotFoundError */
export async function requireChannel(tx: Tx, organizationId: string, id: string): Promise<HostChannel> {
  const [channel] = await tx.query<HostChannel[]>(
    `SELECT ch.type, b.id AS "defaultBotId", ch.single_conversation AS single FROM channel ch
     LEFT JOIN bot b ON b.organization_id = ch.organization_id AND b.id = ch.default_bot_id AND b.deleted_at IS NULL
     WHERE ch.organization_id = $1 AND ch.id = $2 AND ch.deleted_at IS NULL FOR KEY SHARE OF ch`,
    [organizationId, id],
  );
  if (!channel) throw new ChannelNotFoundError('channelId');
  return channel;
}

/** @throws ContactNotFoundError */
export async function requireContact(tx: Tx, organizationId: string, id: string): Promise<void> {
  const [known] = await tx.query<unknown[]>(
    'SELECT 1 FROM contact WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR SHARE',
    [organizationId, id],
  );
  if (!known) throw new ContactNotFoundError('contactId');
}

/** @returns its name @throws BotNotFoundError */
export async function requireBot(tx: Tx, organizationId: string, id: string, field = 'botId'): Promise<string> {
  const [bot] = await tx.query<{ name: string }[]>(
    'SELECT name FROM bot WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE',
    [organizationId, id],
  );
  if (!bot) throw new BotNotFoundError(field);
  return bot.name;
}

/** @throws TicketNotFoundError */
export async function requireTicket(tx: Tx, organizationId: string, id: string): Promise<void> {
  const [ticket] = await tx.query<unknown[]>(
    'SELECT 1 FROM ticket WHERE organization_id = $1 AND id = $2 FOR KEY SHARE',
    [organizationId, id],
  );
  if (!ticket) throw new TicketNotFoundError('ticketId');
}

/** A user who is there to take part. */
export interface KnownUser {
  readonly id: string;
  readonly name: string;
  readonly role: UserRole;
}

/**
 * Users who may take part, by id: `staff` only those who may work on conversations.
 * @throws UserNotFoundError; UnprocessableError ASSIGNEE_UNAVAILABLE: suspended, or of the wrong role
 */
export async function requireUsers(
  tx: Tx,
  organizationId: string,
  ids: readonly string[],
  field: string,
  who: 'staff' | 'any',
): Promise<ReadonlyMap<string, KnownUser>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.query<(KnownUser & { suspended: boolean })[]>(
    `SELECT id, name, role, status = 'suspended' AS suspended FROM users
     WHERE organization_id = $1 AND id = ANY ($2::uuid[]) AND deleted_at IS NULL ORDER BY id FOR KEY SHARE`,
    [organizationId, ids],
  );
  const found = new Map(rows.map((row) => [row.id, row]));
  if (ids.some((id) => !found.has(id))) throw new UserNotFoundError(field);
  const busy = rows.find(({ suspended, role }) => suspended || (who === 'staff' && role === 'customer'));
  if (busy) throw new UnprocessableError('ASSIGNEE_UNAVAILABLE', `${busy.name} does not take conversations`);
  return found;
}

/** As {@link requireUsers}, staff only. @returns their names by id */
export async function requireStaff(
  tx: Tx,
  organizationId: string,
  ids: readonly string[],
  field: string,
): Promise<ReadonlyMap<string, string>> {
  const found = await requireUsers(tx, organizationId, ids, field, 'staff');
  return new Map([...found].map(([id, { name }]) => [id, name]));
}

/** What is to live on needs its channel and its contact. @throws ChannelNotFoundError, ContactNotFoundError */
export async function requireParties(tx: Tx, { organizationId, channelId, contactId }: Conversation): Promise<void> {
  const [gone] = await tx.query<{ channel: boolean }[]>(
    `SELECT ch.deleted_at IS NOT NULL AS channel FROM channel ch
     LEFT JOIN contact k ON k.organization_id = $1 AND k.id = $3
     WHERE ch.organization_id = $1 AND ch.id = $2 AND (ch.deleted_at IS NOT NULL OR k.deleted_at IS NOT NULL)`,
    [organizationId, channelId, contactId],
  );
  if (gone) throw gone.channel ? new ChannelNotFoundError() : new ContactNotFoundError();
}
