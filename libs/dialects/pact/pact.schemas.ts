import { CHANNEL_TYPES } from '@hub/model/channel.entity.js';

const text = { type: 'string' };
const id = { type: 'integer', minimum: 1 };
const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
const object = (properties: Record<string, object>, optional: readonly string[] = []): object => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
});
const answer = (data: Record<string, object>): object => object({ status: { const: 'ok' }, data: object(data) });

/** What this contract answers. */
export const PACT_SCHEMAS = {
  Conversation: object({
    external_id: id,
    name: { ...text, description: 'The phone until a name is known' },
    channel_id: id,
    channel_type: { ...text, enum: [...CHANNEL_TYPES] },
    created_at: { ...text, format: 'date-time' },
    created_at_timestamp: { type: 'integer', description: 'The same, in seconds' },
    avatar: { ...text, description: '`/avatars/original/missing.png` where there is none' },
    sender_external_id: {
      ...text,
      description: 'By which the channel knows the contact; empty where colleagues talk among themselves',
    },
    meta: { type: 'object', additionalProperties: true },
  }),
  ConversationAnswer: answer({ conversation: ref('Conversation') }),
  ConversationPage: answer({
    conversations: { type: 'array', items: ref('Conversation') },
    next_page: { type: ['string', 'null'], description: 'For `from`; null on the last page' },
  }),
  AssignedAnswer: answer({ conversation: object({ external_id: id }) }),
  Error: object({
    status: { const: 'error' },
    error: object(
      {
        code: text,
        message: text,
        details: { type: 'array', items: object({ field: text, message: text }) },
      },
      ['details'],
    ),
  }),
};
