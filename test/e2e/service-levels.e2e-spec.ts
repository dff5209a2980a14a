import { newApiKey } from '@hub/identity/api-key.js';
import { ensureFirstOrganization } from '@hub/identity/bootstrap.js';
import type { Resource } from '../support/api-client.js';
import { createTestDatabase } from '../support/database.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { startProcess } from '../support/processes.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';

interface Kept {
  readonly metric: string;
  readonly state: string;
  readonly dueAt: string | null;
  readonly leftSeconds: number | null;
  readonly warnedAt: string | null;
  readonly breachedAt: string | null;
  readonly metAt: string | null;
}

let hub: Hub;
let channelId: string;

beforeAll(async () => {
  hub = await startHub({ worker: true });
  await Promise.all([hub.startWorker(), hub.startWorker()]); // three sweepers
  channelId = (await v1.channel(hub.admin)).id;
});
afterAll(() => hub.stop());

/** A level for what carries this tag. */
const level = async (tag: string, fields: v1.Json): Promise<Resource> =>
  v1.ok(
    await hub.admin.post('/v1/service-levels', {
      name: `Level ${tag}`,
      conditions: [{ field: 'tags', operator: 'contains', value: tag }],
      ...fields,
    }),
  );

const open = (tag: string, fields: v1.Json = {}): Promise<Resource> =>
  v1.conversation(hub.admin, { channelId, tags: [tag], ...fields });

async function timersOf(id: string): Promise<Readonly<Record<string, Kept | undefined>>> {
  const { data } = await hub.admin.get<Resource[]>(`/v1/conversations/${id}/service-levels`);
  return Object.fromEntries(data.map((one) => [one.id, one.attributes as unknown as Kept]));
}

const until = (id: string, metric: string, check: (timer: Kept) => boolean, ms?: number): Promise<Kept> =>
  eventually(
    async () => {
      const timer = (await timersOf(id))[metric];
      return timer && check(timer) ? timer : null;
    },
    `${metric} is so`,
    ms,
  );

const contactOf = (conversation: Resource): unknown => v1.at(conversation, 'attributes.contact.id');

/** The contact writes into the conversation. */
const ask = async (conversation: Resource): Promise<void> => {
  const shown = v1.ok(await hub.admin.get(`/v1/conversations/${conversation.id}`));
  const phone = v1.at(shown, 'attributes.contact.phone') as string;
  v1.ok(await v1.inbound(hub.admin, channelId, { contact: { phone, externalId: phone } }));
};

const alarmsOf = async (id: string): Promise<v1.StoredEvent[]> =>
  (await v1.events(hub, id)).filter(({ type }) => type.startsWith('sla.'));

describe('service levels', () => {
  test('hold from the start: first response until somebody answers, resolution until it is closed', async () => {
    const { id: levelId } = await level('plain', { firstResponse: 3_600, resolution: 7_200, warnBefore: 60 });
    const conversation = await open('plain');
    const running = await until(conversation.id, 'first_response', ({ state }) => state === 'running');
    const created = Date.parse(String(v1.attributes(conversation)['createdAt']));
    expect(Math.abs(Date.parse(running.dueAt ?? '') - created - 3_600_000)).toBeLessThan(2_000);
    v1.ok(await v1.say(hub.admin, conversation.id, 'We are at it.'));
    await until(conversation.id, 'first_response', ({ state, metAt }) => state === 'met' && metAt !== null);
    v1.ok(await hub.admin.post(`/v1/conversations/${conversation.id}/close`));
    await until(conversation.id, 'resolution', ({ state }) => state === 'met');
    v1.ok(await hub.admin.post(`/v1/conversations/${conversation.id}/reopen`));
    await until(conversation.id, 'first_response', ({ state }) => state === 'running');
    const log = await hub.admin.get<Resource[]>(`/v1/service-levels/${levelId}/log`);
    expect(log.data.map((line) => line.attributes['outcome'])).toEqual(['started', 'met', 'met', 'started']);
    expect(await alarmsOf(conversation.id)).toEqual([]);
  });

  test('the first level that matches is taken; what matches none is held to nothing', async () => {
    const first = await level('vip', { resolution: 100 });
    await level('vip', { resolution: 200 });
    const [held, free] = [await open('vip'), await open('nobody')];
    await until(held.id, 'resolution', ({ state }) => state === 'running');
    const [{ attributes } = { attributes: {} }] = (
      await hub.admin.get<Resource[]>(`/v1/conversations/${held.id}/service-levels`)
    ).data;
    expect(attributes).toMatchObject({ serviceLevel: { id: first.id, name: 'Level vip' } });
    expect(await timersOf(free.id)).toEqual({});
  });

  test('time stands still while it is pending or snoozed', async () => {
    await level('rest', { firstResponse: 1_000 });
    const { id } = await open('rest');
    v1.ok(await hub.admin.patch(`/v1/conversations/${id}`, { status: 'pending' }));
    const paused = await until(id, 'first_response', ({ state }) => state === 'paused');
    expect([paused.dueAt, Math.round(paused.leftSeconds ?? 0) > 900]).toEqual([null, true]);
    v1.ok(
      await hub.admin.post(`/v1/conversations/${id}/snooze`, { until: new Date(Date.now() + 1_500).toISOString() }),
    );
    const resumed = await until(id, 'first_response', ({ state }) => state === 'running');
    const left = (Date.parse(resumed.dueAt ?? '') - Date.now()) / 1_000;
    expect(Math.abs(left - (paused.leftSeconds ?? 0))).toBeLessThan(5);
  });

  test('a question after an answer starts the next response, which a bot does not meet', async () => {
    await level('next', { nextResponse: 500 });
    const conversation = await open('next');
    expect(contactOf(conversation)).toEqual(expect.any(String));
    await ask(conversation);
    v1.ok(await v1.say(hub.admin, conversation.id, 'Yes?'));
    await ask(conversation);
    const running = await until(conversation.id, 'next_response', ({ state }) => state === 'running');
    await ask(conversation);
    await hub.sql(
      `UPDATE message SET sender = '{"type":"bot","id":null,"name":"Bot"}' WHERE conversation_id = $1 AND direction = 'outbound'`,
      [v1.uuid(conversation.id)],
    );
    expect((await timersOf(conversation.id))['next_response']).toMatchObject({ dueAt: running.dueAt });
    v1.ok(await v1.say(hub.admin, conversation.id, 'Here you are.'));
    await until(conversation.id, 'next_response', ({ state }) => state === 'met');
  });

  test('one warning and one breach within a second, with three workers; in its queue it goes up a step', async () => {
    const queue = await v1.queue(hub.admin, { strategy: 'manual' });
    await level('late', { firstResponse: 3, warnBefore: 1 });
    const all = await Promise.all(Array.from({ length: 8 }, () => open('late', { assigneeId: queue.id })));
    const ids = all.map(({ id }) => id);
    await eventually(
      async () => (await Promise.all(ids.map(alarmsOf))).every((found) => found.length >= 2),
      'all told',
      20_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const id of ids) {
      const found = await alarmsOf(id);
      expect(found.map(({ type }) => type)).toEqual(['sla.warning', 'sla.breached']);
      const [warning, breach] = found.map(({ body }) => body);
      expect(v1.at(warning, 'data')).toMatchObject({ id, type: 'conversation', attributes: { status: 'open' } });
      expect(v1.at(breach, 'data.attributes.serviceLevel')).toMatchObject({
        id: expect.stringMatching(/^sla_/) as unknown,
        name: 'Level late',
        metric: 'first_response',
      });
      const due = Date.parse(String(v1.at(breach, 'data.attributes.serviceLevel.dueAt')));
      expect(Date.parse(String(v1.at(breach, 'timestamp'))) - due).toBeLessThan(1_500);
    }
    const items = await hub.sql<{ priority: number; worth: boolean }>(
      `SELECT priority, rank = waiting_since - priority * interval '315360000 seconds' AS worth FROM queue_item
       WHERE queue_id = $1`,
      [v1.uuid(queue.id)],
    );
    expect(items).toEqual(ids.map(() => ({ priority: 2, worth: true })));
    const [{ id } = { id: '' }] = all;
    v1.ok(await v1.say(hub.admin, id, 'At last'));
    const met = await until(id, 'first_response', ({ metAt }) => metAt !== null);
    expect(met.state).toBe('breached');
  });

  test('a changed or removed level keeps what it has promised; another organization sees none of it', async () => {
    const { id: levelId } = await level('kept', { resolution: 5_000 });
    const { id } = await open('kept');
    const before = await until(id, 'resolution', ({ state }) => state === 'running');
    v1.ok(await hub.admin.patch(`/v1/service-levels/${levelId}`, { resolution: 60 }));
    expect((await hub.admin.delete(`/v1/service-levels/${levelId}`)).status).toBe(204);
    v1.ok(await hub.admin.patch(`/v1/conversations/${id}`, { status: 'pending' }));
    await until(id, 'resolution', ({ state }) => state === 'paused');
    v1.ok(await hub.admin.patch(`/v1/conversations/${id}`, { status: 'open' }));
    const after = await until(id, 'resolution', ({ state }) => state === 'running');
    expect(Date.parse(after.dueAt ?? '')).toBeGreaterThanOrEqual(Date.parse(before.dueAt ?? ''));
    const stranger = await hub.newOrganization('Elsewhere');
    v1.expectError(await stranger.get(`/v1/conversations/${id}/service-levels`), 404, 'CONVERSATION_NOT_FOUND');
    v1.expectError(await stranger.get(`/v1/service-levels/${levelId}`), 404, 'RESOURCE_NOT_FOUND');
  });
});

/** Real processes: what the clock owes while nobody runs is told once, and in time once somebody does. */
describe('workers that are killed', () => {
  test('a snooze ends on time, an answer before the end is no breach, what is due is told once', async () => {
    const database = await createTestDatabase();
    const key = newApiKey();
    await ensureFirstOrganization(database.databaseUrl, key);
    const api = await startProcess('api', database);
    const workers = [await startProcess('worker', database)];
    workers.push(await startProcess('worker', database));
    const call = async (method: string, path: string, body?: object): Promise<Resource> => {
      const response = await fetch(api.url + path, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return ((await response.json()) as { data: Resource }).data;
    };
    try {
      await call('POST', '/v1/service-levels', { name: 'All', firstResponse: 8, warnBefore: 1 });
      const { id: channel } = await call('POST', '/v1/channels', { name: 'Killed', type: 'api' });
      await call('POST', `/v1/channels/${channel}/activate`);
      const start = (phone: string): Promise<Resource> =>
        call('POST', '/v1/conversations', { channelId: channel, contact: { phone } });
      const told = async (id: string): Promise<v1.Json[]> =>
        ((await call('GET', `/v1/conversations/${id}/events?limit=100`)) as unknown as Resource[]).map(
          (one) => one.attributes,
        );
      const alarms = async (id: string): Promise<unknown[]> =>
        (await told(id)).map(({ type }) => type).filter((type) => String(type).startsWith('sla.'));

      const asleep = await start('+4915110000003');
      const wake = new Date(Date.now() + 4_000);
      await call('POST', `/v1/conversations/${asleep.id}/snooze`, { until: wake.toISOString() });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await workers[0]?.kill();
      const woken = await eventually(
        async () => (await told(asleep.id)).find(({ type }) => type === 'conversation.reopened'),
        'awake',
        20_000,
      );
      expect(Math.abs(Date.parse(String(woken['timestamp'])) - wake.getTime())).toBeLessThan(1_000);

      const [answered, silent] = [await start('+4915110000001'), await start('+4915110000002')];
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await workers[1]?.kill();
      await call('POST', `/v1/conversations/${answered.id}/messages`, { content: { type: 'text', text: 'Here' } });
      await new Promise((resolve) => setTimeout(resolve, 8_000)); // nobody runs when it is due
      workers.push(await startProcess('worker', database));
      await eventually(async () => (await alarms(silent.id)).includes('sla.breached'), 'breached', 20_000);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(await alarms(silent.id)).toEqual(['sla.breached', 'sla.warning']);
      expect(await alarms(answered.id)).toEqual([]);
    } finally {
      await Promise.all([api, ...workers].map((one) => one.kill()));
      await database.drop();
    }
  }, 120_000);
});
