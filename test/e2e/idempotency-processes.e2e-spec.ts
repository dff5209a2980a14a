import { jest } from '@jest/globals';
import { channel, conversation, uuid } from '../dialects/v1/v1-fixtures.js';
import { ApiClient, type Answer, type Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { startProcess, type HubProcess } from '../support/processes.js';
import { Subscriber } from '../support/subscriber.js';

jest.setTimeout(90_000);

/**
 * A message `pause before 2` sleeps two seconds as it is written, `pause after 2` as it is committed: PostgreSQL stops
 * the command at a known place, and the product knows nothing of it. The advisory lock shows that it sleeps.
 */
const PAUSES = `
  CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(4711), pg_sleep(substring(NEW.text FROM '[0-9.]+')::float8); RETURN NEW; END $$;
  CREATE TRIGGER pause_before BEFORE INSERT ON message FOR EACH ROW
    WHEN (NEW.text LIKE 'pause before %') EXECUTE FUNCTION pause();
  CREATE CONSTRAINT TRIGGER pause_after AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.text LIKE 'pause after %') EXECUTE FUNCTION pause()`;

describe('an Idempotency-Key, across processes', () => {
  let hub: Hub;
  let conv: Resource;
  let document: object;
  let started: HubProcess[] = [];
  let keys = 0;
  beforeAll(async () => {
    hub = await startHub();
    conv = await conversation(hub.admin);
    document = (await (await fetch(`${hub.url}/docs/openapi.json`)).json()) as object;
    await hub.sql(PAUSES);
  });
  afterEach(async () => {
    await Promise.all(started.map((one) => one.kill()));
    started = [];
  });
  afterAll(() => hub.stop());

  const startApi = async (): Promise<{ api: ApiClient; child: HubProcess }> => {
    const { databaseUrl, redisUrl } = hub.database;
    const child = await startProcess('api', { databaseUrl, redisUrl });
    started.push(child);
    return { api: new ApiClient(child.url, hub.admin.key, document, hub.admin.organizationId), child };
  };
  const newKey = (): Record<string, string> => ({ 'idempotency-key': `process-key-${++keys}` });
  const send = (api: ApiClient, text: string, headers: Record<string, string>): Promise<Answer> =>
    api.post(`/v1/conversations/${conv.id}/messages`, { content: { type: 'text', text } }, { headers });
  const count = async (text: string): Promise<{ messages: number; events: number }> => {
    const [row] = await hub.sql<{ messages: number; events: number }>(
      `SELECT count(*)::int AS messages, count(e.id)::int AS events FROM message m
       LEFT JOIN event e ON e.organization_id = m.organization_id AND e.subject_id = m.id
       WHERE m.conversation_id = $1 AND m.text = $2`,
      [uuid(conv.id), text],
    );
    return row ?? { messages: 0, events: 0 };
  };
  const sleeping = (): Promise<boolean> =>
    hub
      .sql<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objid = 4711`,
      )
      .then(([row]) => (row?.n ?? 0) > 0);
  const replayed = ({ headers }: Answer): string | null => headers.get('idempotency-replayed');

  it('has one effect and one answer for parallel requests at two processes, and after a restart', async () => {
    const [one, two] = await Promise.all([startApi(), startApi()]);
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => send(i % 2 ? one.api : two.api, 'two processes', key)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    await Promise.all([one.child.kill(), two.child.kill()]);
    const later = await send((await startApi()).api, 'two processes', key);
    expect([later.text, later.status, replayed(later)]).toEqual([answers[0]?.text, 201, 'true']);
    expect(await count('two processes')).toEqual({ messages: 1, events: 1 });
  });

  it('answers as the first one would have, when that was killed as its effect was committed', async () => {
    const { api, child } = await startApi();
    const key = newKey();
    const first = send(api, 'pause after 2', { ...key, 'x-request-id': 'the-first' }).catch(() => 'no answer');
    await eventually(sleeping, 'the commit is under way');
    await child.kill();
    expect(await first).toBe('no answer');
    await eventually(async () => (await count('pause after 2')).messages === 1, 'it is committed all the same');
    const again = [await send(hub.admin, 'pause after 2', key), await send(hub.admin, 'pause after 2', key)];
    expect(again.map((answer) => [answer.status, replayed(answer), answer.meta['requestId']])).toEqual([
      [201, 'true', 'the-first'],
      [201, 'true', 'the-first'],
    ]);
    expect(again[0]?.text).toBe(again[1]?.text);
    const shown = await hub.admin.get<Resource[]>(`/v1/conversations/${conv.id}/messages`);
    expect(again[0]?.data).toEqual(shown.data.at(-1));
    expect(await count('pause after 2')).toEqual({ messages: 1, events: 1 });
  });

  it('does it now, when the first one was killed before its effect', async () => {
    const { api, child } = await startApi();
    const key = newKey();
    const first = send(api, 'pause before 1.5', key).catch(() => 'no answer');
    await eventually(sleeping, 'the message is being written');
    await child.kill();
    expect(await first).toBe('no answer');
    const at = Date.now();
    const waiting = await send(hub.admin, 'pause before 1.5', key);
    expect([waiting.status, waiting.error.code]).toEqual([409, 'IDEMPOTENCY_IN_PROGRESS']);
    expect(Date.now() - at).toBeGreaterThan(4_000);
    const done = await eventually(
      async () => {
        const answer = await send(hub.admin, 'pause before 1.5', key);
        return answer.status === 201 && answer;
      },
      'the lease runs out',
      20_000,
    );
    expect(replayed(done)).toBeNull();
    expect(await count('pause before 1.5')).toEqual({ messages: 1, events: 1 });
  });

  it('waits for a slow first one, or says after five seconds that it runs; its lease is renewed', async () => {
    const { api } = await startApi();
    const key = newKey();
    const first = send(hub.admin, 'pause before 13', key);
    await eventually(sleeping, 'it is under way');
    const started = Date.now();
    const impatient = await send(api, 'pause before 13', key);
    expect([impatient.status, impatient.error.code, impatient.headers.get('retry-after')]).toEqual([
      409,
      'IDEMPOTENCY_IN_PROGRESS',
      '1',
    ]);
    await new Promise((resolve) => setTimeout(resolve, 10_000 - (Date.now() - started))); // beyond the first lease
    const patient = await send(api, 'pause before 13', key);
    expect([patient.status, replayed(patient), patient.text]).toEqual([201, 'true', (await first).text]);
    expect(await count('pause before 13')).toEqual({ messages: 1, events: 1 });
  });

  it('takes the effect back from whoever has lost the key', async () => {
    const { api } = await startApi();
    const key = newKey();
    const first = send(hub.admin, 'pause before 2', key);
    await eventually(sleeping, 'it is under way');
    await hub.sql(`UPDATE idempotency_key SET leased_until = now() WHERE key = $1`, [key['idempotency-key']]);
    const second = await send(api, 'pause before 2', key);
    expect([(await first).status, (await first).error?.code]).toEqual([409, 'IDEMPOTENCY_IN_PROGRESS']);
    expect([second.status, replayed(second)]).toEqual([201, null]);
    expect(await count('pause before 2')).toEqual({ messages: 1, events: 1 });
    expect((await send(hub.admin, 'pause before 2', key)).text).toBe(second.text);
  });

  it('never does again what had begun outside, though nobody knows the answer', async () => {
    const subscriber = await Subscriber.start();
    try {
      subscriber.behave({ status: 200, delayMs: 3_000 });
      const { api, child } = await startApi();
      const hook = { url: subscriber.url('/slow'), events: ['contact.created'] };
      const { data } = await hub.admin.post('/v1/webhooks', hook);
      const key = newKey();
      const test = (client: ApiClient) => client.post(`/v1/webhooks/${data.id}/test`, undefined, { headers: key });
      const first = test(api).catch(() => 'no answer');
      await eventually(() => subscriber.received.length === 1, 'the test event has arrived');
      await child.kill();
      expect(await first).toBe('no answer');
      const codes: string[] = [];
      await eventually(
        async () => {
          const { status, error } = await test(hub.admin);
          codes.push(`${status} ${error.code}`);
          return error.code === 'IDEMPOTENCY_INTERRUPTED';
        },
        'the lease runs out',
        20_000,
      );
      expect(new Set(codes)).toEqual(new Set(['409 IDEMPOTENCY_IN_PROGRESS', '409 IDEMPOTENCY_INTERRUPTED']));
      expect(subscriber.received).toHaveLength(1);

      subscriber.behave(200);
      const whole = newKey();
      const path = `/v1/webhooks/${data.id}/test`;
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => hub.admin.post(path, undefined, { headers: whole })),
      );
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect(answers[0]?.status).toBe(200);
      expect(subscriber.received).toHaveLength(2);
      const unknown = await hub.admin.post(`/v1/webhooks/${(await channel(hub.admin)).id}/test`, undefined, {
        headers: newKey(),
      });
      expect(unknown.status).toBe(404);
    } finally {
      await subscriber.stop();
    }
  });
});
