import type { Schema } from '@hub/platform/dto.js';

const id: Schema = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const party: Schema = { type: ['integer', 'null'], minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const time: Schema = { type: 'string', format: 'date-time' };
const closed: Schema = { type: 'boolean' };

const whole = (properties: Record<string, Schema>): Schema => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
});

const said = (...texts: readonly string[]): Schema => whole({ message: { type: 'string', enum: texts } });

/** Every answer of this contract, by its name. */
export const TICKET_DESK_SCHEMAS = {
  Conversation: {
    type: 'array',
    description: 'The messages in the order in which they were sent; last, always, whether the conversation is closed',
    minItems: 1,
    items: { anyOf: [{ $ref: '#/components/schemas/Message' }, { $ref: '#/components/schemas/Marker' }] },
  },
  Message: whole({
    id,
    content: { type: 'string', description: 'As text, whatever it was sent as; empty of what has been removed' },
    sentAt: time,
    sender_id: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Users, bots and customers share one range of numbers; 0 is a program or the system itself',
    },
    sender_username: { type: 'string', description: 'The name that the sender had then' },
    isSender: { type: 'boolean', description: 'Whether the caller has sent it' },
  }),
  Marker: { ...whole({ closed }), maxProperties: 1 },
  History: whole({
    id,
    createdAt: time,
    endedAt: { ...time, type: ['string', 'null'], description: 'Null while it is open' },
    closed,
    Ticket: whole({ user_id: id, staff_id: { ...party, description: 'Who has the conversation now; null: nobody' } }),
  }),
  Sent: said('message successfully sent'),
  Started: said('Successfully created conversation', 'Conversation re-opened'),
  Closed: said('Conversation successfully closed'),
  Error: whole({ message: { type: 'string', description: 'What went wrong, for people' } }),
};
