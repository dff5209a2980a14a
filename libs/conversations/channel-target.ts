import { ChannelNotFoundError } from '@hub/channels/channels.queries.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { ValidationError } from '@hub/platform/errors.js';

export interface ChannelInUse {
  readonly id: string;
  readonly type: ChannelType;
  readonly active: boolean;
  /** For how many seconds after its close a conversation is reopened rather than followed by a new one. */
  readonly window: number;
}

/** The channel, kept from being removed until the transaction ends. @throws ChannelNotFoundError */
export async function useChannel(tx: Tx, organizationId: string, id: string, field?: string): Promise<ChannelInUse> {
  const [channel] = await tx.query<ChannelInUse[]>(
    `SELECT id, type, status = 'active' AS active, reopen_window_seconds AS window FROM channel
     WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE`,
    [organizationId, id],
  );
  if (!channel) throw new ChannelNotFoundError(field);
  return channel;
}

/** @throws ValidationError INVALID_CHANNEL_TYPE unless the channel is of this type: the others hear from their provider */
export function requireType(channel: ChannelInUse, type: ChannelType): void {
  if (channel.type === type) return;
  const message = `only a channel of type ${type} takes this here; this one is ${channel.type}`;
  throw new ValidationError(
    [{ field: 'channelId', message }],
    'What happens on this channel comes from its provider',
    'INVALID_CHANNEL_TYPE',
  );
}

/** The person's conversation to go on with, locked: the live one, else one closed within the channel's window. */
export async function findContinuable(
  tx: Tx,
  organizationId: string,
  channel: ChannelInUse,
  contactId: string,
): Promise<Conversation | null> {
  const [found] = await tx.query<{ id: string }[]>(
    `SELECT id FROM conversation WHERE organization_id = $1 AND channel_id = $2 AND contact_id = $3
       AND (status <> 'closed' OR closed_at > now() - make_interval(secs => $4))
     ORDER BY status = 'closed', created_at DESC LIMIT 1`,
    [organizationId, channel.id, contactId, channel.window],
  );
  if (!found) return null;
  const key = { organizationId, id: found.id };
  return tx.findOneOrFail(Conversation, { where: key, lock: { mode: 'pessimistic_write' } });
}

/** What is opened where there is nothing to go on with. */
export const freshConversation = (channelId: string, contactId: string) => ({
  channelId,
  contact: { id: contactId },
  botId: null,
  subject: null,
  priority: 'normal' as const,
  metadata: {},
  tags: [],
});

/** What racing writers of the same person run into: the next try finds what the other one has made. */
export const PERSON_RACES: ReadonlySet<string> = new Set(['conversation_live', 'contact_email', 'contact_phone']);
