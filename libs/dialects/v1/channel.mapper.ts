import { capabilitiesOf } from '@hub/channels/capabilities.js';
import { CONFIGURABLE_TYPES, type ConfigurableType } from '@hub/channels/channel-config.js';
import type { CreateChannel, UpdateChannel } from '@hub/channels/channels.types.js';
import type { ChannelView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type { CreateChannelBody, UpdateChannelBody } from './channel.dto.js';
import type { Resource } from './v1.envelope.js';
import { idOf } from './v1.ids.js';

export const channelResource = (view: ChannelView): Resource => ({
  id: encodeId('ch', view.id),
  type: 'channel',
  attributes: {
    number: view.number,
    name: view.name,
    channelType: view.type,
    status: view.status,
    config: view.config,
    capabilities: capabilitiesOf(view.type),
    defaultBot: view.defaultBot && { id: encodeId('bot', view.defaultBot.id), name: view.defaultBot.name },
    reopenWindowSeconds: view.reopenWindowSeconds,
    metadata: view.metadata,
    createdAt: view.createdAt,
    updatedAt: view.updatedAt,
  },
});

export const toCreateChannel = (body: CreateChannelBody): CreateChannel => ({
  name: body.name,
  type: typeOf(body.type),
  config: body.config ?? {},
  defaultBotId: body.defaultBotId ? idOf('bot', body.defaultBotId, 'defaultBotId') : null,
  ...(body.reopenWindowSeconds !== undefined && { reopenWindowSeconds: body.reopenWindowSeconds }),
  metadata: body.metadata ?? {},
});

export function toUpdateChannel(id: string, { defaultBotId, ...fields }: UpdateChannelBody): UpdateChannel {
  const bot = defaultBotId && idOf('bot', defaultBotId, 'defaultBotId');
  return { ...fields, id, ...(defaultBotId !== undefined && { defaultBotId: bot || null }) };
}

/** What an operator does next, by type. */
export const setupInstructions = (type: string, id: string): string =>
  type === 'api'
    ? `POST /v1/channels/${id}/activate, then send what your contacts write to POST /v1/channels/${id}/messages`
    : `Complete the configuration with PATCH /v1/channels/${id}, then POST /v1/channels/${id}/activate`;

function typeOf(type: string): ConfigurableType {
  const known = CONFIGURABLE_TYPES.find((one) => one === type);
  if (known) return known;
  const message = `type must be one of ${CONFIGURABLE_TYPES.join(', ')}`;
  throw new ValidationError([{ field: 'type', message }], 'The channel type is not supported', 'INVALID_CHANNEL_TYPE');
}
