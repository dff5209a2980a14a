const text = { type: 'string' };
const uuid = { ...text, format: 'uuid' };
const time = { ...text, format: 'date-time' };
const orNull = (schema: object): object => ({ ...schema, type: ['string', 'null'] });
const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
const list = (items: object): object => ({ type: 'array', items });
const object = (properties: Record<string, object>): object => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties),
  properties,
});

/** What this contract answers. */
export const PARTICIPANTS_SCHEMAS = {
  Conversation: object({
    id: uuid,
    organization_id: uuid,
    subject: orNull(text),
    entity_type: orNull({ description: 'What it is about' }),
    entity_id: orNull({ description: 'A UUID, unless the conversation was made elsewhere' }),
    status: { ...text, enum: ['active', 'archived', 'closed'] },
    participants: list(ref('Participant')),
    messages: list(ref('Message')),
    created_at: time,
    updated_at: time,
  }),
  ConversationList: list(ref('Conversation')),
  Participant: object({
    id: { ...uuid, description: 'Of the user, contact or bot' },
    type: { ...text, enum: ['user', 'contact', 'bot'] },
    name: orNull(text),
    joined_at: time,
  }),
  Message: object({
    id: uuid,
    conversation_id: uuid,
    sender_id: orNull({ format: 'uuid', description: 'null: nobody, it was made by the service itself' }),
    body: { ...text, description: 'Of what is not text, its caption, name or address; empty once it is deleted' },
    created_at: time,
  }),
  MessageList: list(ref('Message')),
  Error: object({ detail: { oneOf: [text, list(ref('Problem'))] } }),
  Problem: object({
    loc: list({ type: ['string', 'integer'] }),
    msg: text,
    type: { ...text, enum: ['missing', 'value_error'] },
  }),
};

export type SchemaName = keyof typeof PARTICIPANTS_SCHEMAS;

/** What an answer says besides its body. */
export const HEADERS = {
  'X-Total-Count': { description: 'How many there are on all pages together', schema: { type: 'integer' } },
  Link: { description: 'Where other parts of the list are (RFC 8288)', schema: { type: 'string' } },
} as const;
