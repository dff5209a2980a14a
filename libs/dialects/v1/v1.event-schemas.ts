import { describeEvent, EVENT_TYPES, RESERVED_EVENTS, type EventType } from '@hub/events/catalog.js';
import type { Schema } from '@hub/platform/dto.js';
import type { Resource } from './v1.envelope.js';
import { changes, id, object, party, resource, text, time } from './v1.schemas.common.js';
import { V1_SCHEMAS } from './v1.schemas.js';
import { serviceLevelAlarm } from './v1.schemas.service-levels.js';
import { webhookState } from './v1.schemas.webhooks.js';

/** By the first word of the event's name: its subject, as the API itself answers with it. */
const SUBJECTS: Readonly<Record<string, Schema | undefined>> = {
  conversation: V1_SCHEMAS['Conversation'],
  message: V1_SCHEMAS['Message'],
  contact: V1_SCHEMAS['Contact'],
  channel: V1_SCHEMAS['Channel'],
  bot: V1_SCHEMAS['Bot'],
  ticket: V1_SCHEMAS['Ticket'],
  webhook: webhookState,
  assignment: V1_SCHEMAS['Offer'],
  sla: serviceLevelAlarm(V1_SCHEMAS['Conversation'] ?? {}),
  test: resource('test', id('test'), object({ message: text })),
};

/** The catalogue: each event with the schema of its body and an example; then the names that are never sent yet. */
export const eventTypes = (exampleOf: (type: EventType) => unknown): Resource[] => [
  ...EVENT_TYPES.map((type) => shown(type, describeEvent(type), eventSchema(type), exampleOf(type))),
  ...Object.entries(RESERVED_EVENTS).map(([type, description]) => shown(type, description, null, null)),
];

const shown = (type: string, description: string, schema: Schema | null, example: unknown): Resource => ({
  id: type,
  type: 'event_type',
  attributes: { description, emitted: schema !== null, schema, example },
});

/** The JSON Schema of an event's body in both forms, complete in itself. Made of what answers are held against. */
export function eventSchema(type: EventType): Schema {
  const subject = SUBJECTS[type.split('.')[0] ?? ''];
  if (!subject) throw new Error(`There is no schema of ${type}`);
  const { properties } = subject as { properties: Record<string, Schema> };
  const thin = object(
    {
      id: properties['id'] ?? text,
      type: properties['type'] ?? text,
      links: object({ self: { ...text, description: 'Where the subject is to be had' } }),
    },
    ['links'],
  );
  const body = object({
    id: id('evt'),
    type: { const: type },
    event: { const: type },
    timestamp: time,
    tenantId: id('org'),
    data: { anyOf: [subject, { ...thin, description: 'With the payload thin, or of a body over 256 KiB' }] },
    meta: object(
      {
        organizationId: id('org'),
        sequence: {
          type: 'integer',
          minimum: 0,
          description: 'The place of the event in its conversation, without gaps; 0 of what belongs to none',
        },
        actor: party,
        changes,
        webhookId: { ...id('wh'), description: 'The webhook that it is sent to' },
        ruleId: { ...id('rule'), description: 'The automation rule that has called, where one has' },
      },
      ['changes', 'webhookId', 'ruleId'],
    ),
  });
  return selfContained({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:switchboard:event:${type}`,
    title: type,
    description: describeEvent(type),
    ...body,
  });
}

const NAMED = '#/components/schemas/';

/** With the schemas that it refers to under `$defs`. */
function selfContained(schema: Schema): Schema {
  const json = JSON.stringify(schema);
  const names = Object.keys(V1_SCHEMAS).filter((name) => json.includes(`"${NAMED}${name}"`));
  const $defs = Object.fromEntries(names.map((name) => [name, V1_SCHEMAS[name]]));
  return JSON.parse(json.replaceAll(NAMED, '#/$defs/').replace(/}$/, `,"$defs":${JSON.stringify($defs)}}`)) as Schema;
}
