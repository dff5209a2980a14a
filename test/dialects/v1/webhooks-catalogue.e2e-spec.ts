import { EVENT_TYPES } from '@hub/events/catalog.js';
import type { Resource } from '../../support/api-client.js';
import { compileSchema, complaintsOf } from '../../support/event-schemas.js';
import { startHub, type Hub } from '../../support/harness.js';
import { Subscriber } from '../../support/subscriber.js';

interface EventAttributes {
  readonly description: string;
  readonly emitted: boolean;
  readonly schema: Record<string, unknown> | null;
  readonly example: Record<string, unknown> | null;
}

describe('the catalogue of events', () => {
  let hub: Hub;
  let subscriber: Subscriber;
  let catalogue: { id: string; attributes: EventAttributes }[];

  beforeAll(async () => {
    [hub, subscriber] = await Promise.all([startHub(), Subscriber.start()]);
    const { data } = await hub.admin.get<Resource[]>('/v1/webhooks/events');
    catalogue = data as unknown as typeof catalogue;
  });
  afterAll(async () => {
    await subscriber.stop();
    await hub.stop();
  });

  const emitted = () =>
    catalogue.flatMap(({ id, attributes: { schema, example } }) =>
      schema && example ? [{ id, schema, example }] : [],
    );

  it('has every event with a complete schema and an example, and the names that are never sent', () => {
    expect(emitted().map(({ id }) => id)).toEqual(EVENT_TYPES);
    for (const { id, schema } of emitted()) {
      expect(schema).toMatchObject({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: `urn:switchboard:event:${id}`,
        additionalProperties: false,
      });
    }
    const reserved = catalogue.filter(({ attributes }) => !attributes.emitted);
    expect(reserved.map(({ id }) => id)).toContain('bot.handoff');
    for (const { attributes } of reserved) expect(attributes).toMatchObject({ schema: null, example: null });
  });

  it('gives examples that its schemas take, and schemas that take nothing else', () => {
    for (const { id, schema, example } of emitted()) {
      const validate = compileSchema(schema);
      expect([id, validate(example), validate.errors]).toEqual([id, true, null]);
      const data = example['data'] as { id: string; type: string; attributes: Record<string, unknown> };
      const meta = example['meta'] as object;
      const [field = ''] = Object.keys(data.attributes);
      const { [field]: _, ...less } = data.attributes;
      for (const wrong of [
        { ...example, surplus: 1 },
        { ...example, type: 'other.event' },
        { ...example, timestamp: 'yesterday' },
        { ...example, meta: { ...meta, sequence: -1 } },
        { ...example, meta: { ...meta, surplus: 1 } },
        { ...example, data: { ...data, id: 'x' } },
        { ...example, data: { ...data, type: 'other' } },
        { ...example, data: { ...data, attributes: { ...data.attributes, surplus: 1 } } },
        { ...example, data: { ...data, attributes: { ...data.attributes, [field]: { surplus: 1 } } } },
        { ...example, data: { ...data, attributes: less } },
      ]) {
        expect([id, wrong, validate(wrong)]).toEqual([id, wrong, false]);
      }
    }
  });

  it.each(['full', 'thin'])('is what is sent as a test, %s', async (payload) => {
    const hook = await hub.admin.post('/v1/webhooks', {
      url: subscriber.url(`/${payload}`),
      events: ['*'],
      config: { payload },
    });
    for (const { id: event, example } of emitted()) {
      const { data } = await hub.admin.post<{ status: string; deliveryId: string }>(
        `/v1/webhooks/${hook.data.id}/test`,
        { event },
      );
      expect([event, data.status]).toEqual([event, 'succeeded']);
      const { body } = subscriber.on(`/${payload}`).at(-1)!;
      const sent = body['data'] as unknown as Record<string, unknown>;
      expect(body.type).toBe(event);
      if (payload === 'full') expect(sent).toEqual(example['data']);
      else {
        const { id, type } = example['data'] as { id: string; type: string };
        expect(sent).toEqual({ id, type, ...(type !== 'test' && { links: { self: expect.any(String) } }) });
        expect(body.meta).not.toHaveProperty('changes');
      }
      const log = await hub.admin.get(`/v1/webhooks/${hook.data.id}/deliveries/${data.deliveryId}`);
      expect(log.data.attributes['payload']).toEqual(body);
    }
    expect(subscriber.complaints).toEqual([]);
  });

  it('would notice a field that it does not name', () => {
    const { example } = emitted()[0]!;
    expect(complaintsOf(example)).toEqual([]);
    expect(complaintsOf({ ...example, surplus: 1 }).join()).toContain('not as published');
    expect(complaintsOf({ type: 'nothing.known' }).join()).toContain('nothing.known');
  });
});
