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
    stats: view.stats,
    health: view.health,
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
export function setupInstructions(type: ConfigurableType, id: string): string {
  const path = `/v1/channels/${id}`;
  return SETUP[type]
    .replace('{activate}', `POST ${path}/activate`)
    .replace('{test}', `POST ${path}/test`)
    .replace('{messages}', `POST ${path}/messages`);
}

const LATER = 'This version keeps the settings and does not connect yet; {test} says what it finds.';
const SETUP: Record<ConfigurableType, string> = {
  api: '{activate}, then send what your contacts write to {messages}. With a webhookUrl, {test} tries it.',
  webchat: '{activate}. Name the pages that may show the chat in config.allowedOrigins.',
  whatsapp:
    'Take phoneNumberId, businessAccountId and a permanent accessToken from the WhatsApp page of your Meta app, ' +
    `appSecret from its basic settings, and choose a verifyToken of your own. ${LATER}`,
  facebook:
    'Take pageId and a pageAccessToken from the Messenger page of your Meta app, appSecret from its basic settings, ' +
    `and choose a verifyToken of your own. ${LATER}`,
  instagram:
    'Take accountId and an accessToken of the professional account from the Instagram page of your Meta app, ' +
    `appSecret from its basic settings, and choose a verifyToken of your own. ${LATER}`,
  telegram: `Take the botToken that @BotFather gave you for the bot. ${LATER}`,
  sms: `Take accountSid and authToken from the console of your SMS provider, and a phoneNumber you have there. ${LATER}`,
  email:
    'Name the mailbox to read (imapHost, imapPort, imapUser, imapPassword) and the server to send by (smtpHost, ' +
    `smtpPort, smtpUser, smtpPassword), with fromEmail as the sender. ${LATER}`,
};

function typeOf(type: string): ConfigurableType {
  const known = CONFIGURABLE_TYPES.find((one) => one === type);
  if (known) return known;
  const message = `type must be one of ${CONFIGURABLE_TYPES.join(', ')}`;
  throw new ValidationError([{ field: 'type', message }], 'The channel type is not supported', 'INVALID_CHANNEL_TYPE');
}
