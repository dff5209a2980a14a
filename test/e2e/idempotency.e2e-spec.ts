import { jest } from '@jest/globals';
import { startHub, type Hub } from '../support/harness.js';
import { channel, conversation, expectError, say, uuid } from '../dialects/v1/v1-fixtures.js';
import type { Resource } from '../support/api-client.js';

jest.setTimeout(60_000);
let made = 0;
const newKey = (): Record<string, string> => ({ 'idempotency-key': `key-${++made}` });

describe('an Idempotency-Key', () => {
  let hub: Hub;
  let conv: Resource;
  beforeAll(async () => {
    hub = await startHub();
    conv = await conversation(hub.admin);
  });
  afterAll(() => hub.stop());

  const send = (text: string, headers: Record<string, string>) =>
    hub.admin.post(`/v1/conversations/${conv.id}/messages`, { content: { type: 'text', text } }, { headers });
  const count = async (text: string): Promise<number> => {
    const [row] = await hub.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM message WHERE conversation_id = $1 AND text = $2`,
      [uuid(conv.id), text],
    );
    return row?.n ?? 0;
  };
  const rows = (key: Record<string, string>) =>
    hub.sql<{ state: string }>(`SELECT state FROM idempotency_key WHERE key = $1`, [key['idempotency-key']]);

  it('gives the first answer again, byte for byte, and does nothing', async () => {
    const key = newKey();
    const first = await send('once', key);
    const again = await send('once', key);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect([first, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    expect(await count('once')).toBe(1);
    expect(await (await fetch(`${hub.url}/metrics`)).text()).toMatch(/^idempotent_replays_total 1$/m);
  });

  it('looks like an answer without a key', async () => {
    const [plain, keyed] = [await send('looks', {}), await send('looks', newKey())];
    expect(keyed.headers.get('content-type')).toBe(plain.headers.get('content-type'));
    expect(Object.keys(keyed.data.attributes)).toEqual(Object.keys(plain.data.attributes));
  });

  it('has one effect and one answer for 50 parallel requests', async () => {
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 50 }, () => send('fifty', key)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await count('fifty')).toBe(1);
    expect(answers.filter(({ headers }) => !headers.has('idempotency-replayed'))).toHaveLength(1);
  });

  it('holds for a command of a whole transaction, too', async () => {
    const key = newKey();
    const { id } = await channel(hub.admin);
    const open = () =>
      hub.admin.post('/v1/conversations', { channelId: id, contact: { email: 'one@example.com' } }, { headers: key });
    const answers = await Promise.all(Array.from({ length: 10 }, open));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    const events = await hub.sql(`SELECT 1 FROM event WHERE subject_id = $1`, [uuid(answers[0]?.data.id ?? '')]);
    expect(events).toHaveLength(1);
  });

  it('is the same at both bases', async () => {
    const key = newKey();
    const first = await send('bases', key);
    const body = { content: { type: 'text', text: 'bases' } };
    const again = await hub.admin.post(`/api/v1/conversations/${conv.id}/messages`, body, { headers: key });
    expect(again.text).toBe(first.text);
  });

  it('refuses another request under the same key, and names the header', async () => {
    const key = newKey();
    await send('first', key);
    expectError(await send('second', key), 422, 'IDEMPOTENCY_KEY_REUSED', 'Idempotency-Key');
    const elsewhere = await hub.admin.post(`/v1/conversations/${conv.id}/read`, {}, { headers: key });
    expectError(elsewhere, 422, 'IDEMPOTENCY_KEY_REUSED', 'Idempotency-Key');
    expect(await count('second')).toBe(0);
  });

  it('belongs to one principal of one organization', async () => {
    const key = newKey();
    const [other, stranger] = [await hub.withScopes('admin'), await hub.newOrganization('Other')];
    const create = (api: typeof other) => api.post('/v1/contacts', { name: 'Same' }, { headers: key });
    const answers = [await create(hub.admin), await create(other), await create(stranger)];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ data }) => data.id)).size).toBe(3);
  });

  it('keeps no error: the caller may correct it, or try again', async () => {
    const key = newKey();
    expectError(await hub.admin.post('/v1/contacts', { name: 7 }, { headers: key }), 400, 'VALIDATION_ERROR', 'name');
    expect(await rows(key)).toEqual([]);
    expect((await hub.admin.post('/v1/contacts', { name: 'Corrected' }, { headers: key })).status).toBe(201);

    const closed = await conversation(hub.admin);
    await hub.admin.post(`/v1/conversations/${closed.id}/close`);
    const path = `/v1/conversations/${closed.id}/messages`;
    const body = { content: { type: 'text', text: 'late' } };
    const late = newKey();
    expectError(await hub.admin.post(path, body, { headers: late }), 409, 'CONVERSATION_CLOSED');
    await hub.admin.post(`/v1/conversations/${closed.id}/reopen`);
    expect((await hub.admin.post(path, body, { headers: late })).status).toBe(201);
  });

  it('keeps the answer of a command that has changed nothing', async () => {
    const key = newKey();
    const reopen = () => hub.admin.post(`/v1/conversations/${conv.id}/reopen`, {}, { headers: key });
    const first = await reopen();
    await say(hub.admin, conv.id, 'in between');
    expect((await reopen()).text).toBe(first.text);
  });

  it('lets a part of a command fail by itself, as it does without a key', async () => {
    const more = { clientMessageId: 'mine' };
    const path = `/v1/conversations/${conv.id}/messages`;
    const body = { content: { type: 'text', text: 'mine' }, ...more };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => hub.admin.post(path, body, { headers: newKey() })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
    expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1);
    expect(await count('mine')).toBe(1);
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['with a tab in it', 'a\tb'],
    ['with a control character', 'a\u0085b'],
  ])('is refused when it is %s', async (_, key) => {
    expectError(await send('bad key', { 'idempotency-key': key }), 400, 'VALIDATION_ERROR', 'Idempotency-Key');
    expect(await count('bad key')).toBe(0);
  });

  it('may be 255 characters of anything printable', async () => {
    const key = { 'idempotency-key': 'é"$\\%'.repeat(51) };
    const [first, again] = [await send('long', key), await send('long', key)];
    expect([again.text, again.status]).toEqual([first.text, 201]);
  });

  it('means nothing on other methods', async () => {
    const key = newKey();
    await hub.admin.get('/v1/conversations', { headers: key });
    await hub.admin.patch(`/v1/conversations/${conv.id}`, { subject: 'x' }, { headers: key });
    expect(await rows(key)).toEqual([]);
  });

  it('keeps answers sealed, as some show a secret once', async () => {
    const key = newKey();
    const hook = { url: 'https://example.com/hook', events: ['*'] };
    const [first, again] = [
      await hub.admin.post('/v1/webhooks', hook, { headers: key }),
      await hub.admin.post('/v1/webhooks', hook, { headers: key }),
    ];
    expect(again.text).toBe(first.text);
    const secret = String(first.data.attributes['secret']);
    const [row] = await hub.sql<{ text: string }>(`SELECT k::text AS text FROM idempotency_key k WHERE key = $1`, [
      key['idempotency-key'],
    ]);
    expect(secret).toMatch(/^whsec_/);
    expect(row?.text).not.toContain(secret);
    expect(row?.text).not.toContain('attributes');
  });

  it('is forgotten after 24 hours, and removed by the worker', async () => {
    const key = newKey();
    await send('a day', key);
    await hub.sql(`UPDATE idempotency_key SET expires_at = now() WHERE key = $1`, [key['idempotency-key']]);
    expect((await send('another day', key)).status).toBe(201);
    const [row] = await hub.sql<{ hours: number }>(
      `SELECT extract(epoch FROM expires_at - created_at)::int / 3600 AS hours FROM idempotency_key WHERE key = $1`,
      [key['idempotency-key']],
    );
    expect(row?.hours).toBe(24);

    const old = newKey();
    await send('old', old);
    await hub.sql(`UPDATE idempotency_key SET expires_at = now() WHERE key = $1`, [old['idempotency-key']]);
    await hub.startWorker();
    for (let i = 0; (await rows(old)).length > 0; i++) {
      if (i === 100) throw new Error('the worker does not purge');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await rows(key)).toHaveLength(1);
  });
});
