import type { CreateBot, UpdateBot } from '@hub/bots/bots.types.js';
import { BOT_PROVIDERS, type BotProvider } from '@hub/model/bot.entity.js';
import type { BotView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import { encodeId } from '@hub/platform/ids.js';
import type { CreateBotBody, UpdateBotBody } from './bot.dto.js';
import type { Resource } from './v1.envelope.js';
import { idOf } from './v1.ids.js';

export const botResource = (view: BotView): Resource => ({
  id: encodeId('bot', view.id),
  type: 'bot',
  attributes: {
    number: view.number,
    name: view.name,
    description: view.description,
    status: view.status,
    provider: view.provider,
    model: view.model,
    config: view.config,
    channels: view.channels.map(({ id, name, type }) => ({ id: encodeId('ch', id), name, type })),
    createdAt: view.createdAt,
    updatedAt: view.updatedAt,
  },
});

export const toCreateBot = (body: CreateBotBody): CreateBot => ({
  name: body.name,
  description: body.description ?? null,
  provider: providerOf(body.provider),
  model: body.model ?? null,
  config: body.config ?? {},
  channelIds: channelIdsOf(body.channelIds ?? []),
});

export const toUpdateBot = (id: string, { provider, channelIds, ...fields }: UpdateBotBody): UpdateBot => ({
  ...fields,
  id,
  ...(provider !== undefined && { provider: providerOf(provider) }),
  ...(channelIds && { channelIds: channelIdsOf(channelIds) }),
});

const channelIdsOf = (ids: readonly string[]): string[] => ids.map((id) => idOf('ch', id, 'channelIds'));

function providerOf(name: string): BotProvider {
  const known = BOT_PROVIDERS.find((provider) => provider === name);
  if (known) return known;
  const message = `provider must be one of ${BOT_PROVIDERS.join(', ')}`;
  throw new ValidationError([{ field: 'provider', message }], 'The provider is not supported', 'INVALID_PROVIDER');
}
