import type { ChannelType } from '@hub/model/channel.entity.js';

export const CAPABILITIES = [
  'text',
  'image',
  'document',
  'audio',
  'video',
  'location',
  'buttons',
  'quickReplies',
  'templates',
  'deliveryReceipts',
  'readReceipts',
  'typingIndicators',
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** What the provider of each type can carry, letter by letter in the order of {@link CAPABILITIES}. */
const TABLE: Record<ChannelType, string> = {
  whatsapp: 'yyyyyyyyyyyy',
  facebook: 'yyyyynyyyyyy',
  instagram: 'yynyynyynnyn',
  telegram: 'yyyyyyyynnny',
  sms: 'ynnnnnnnnynn',
  email: 'yyyyynnnnnnn',
  webchat: 'yyyyyyyynyyy',
  api: 'yyyyyyyynyyn',
  internal: 'yyyyynnnnnnn',
};

/** What a channel of this type can carry. */
export const capabilitiesOf = (type: ChannelType): Record<Capability, boolean> =>
  Object.fromEntries(CAPABILITIES.map((name, i) => [name, TABLE[type][i] === 'y'])) as Record<Capability, boolean>;

/** Channel types whose messages this version moves; the others can be set up as records and not yet be activated. */
const CONNECTABLE: ReadonlySet<ChannelType> = new Set<ChannelType>(['api', 'webchat', 'internal']);

export const isConnectable = (type: ChannelType): boolean => CONNECTABLE.has(type);
