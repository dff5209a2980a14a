import { jest } from '@jest/globals';
import pg from 'pg';
import { auditSelect } from '@hub/events/audit.queries.js';
import { appendAudit } from '@hub/events/audit.js';
import { newId } from '@hub/platform/ids.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { ApiClient, Resource } from '../support/api-client.js';
import { eventually, startHub, type Hub } from '../support/harness.js';
import { Subscriber } from '../support/subscriber.js';

jest.setTimeout(120_000);

const any = (type: unknown): unknown => expect.any(type as typeof String) as unknown;

describe('the audit log', () => {
  let hub: Hub;
  let api: ApiClient;

  beforeAll(async () => {
    hub = await startHub();
    api = hub.admin;
  });
  afterAll(() => hub.stop());

  /** What has been put down about one thing, oldest first. */
  async function linesOf(subjectId: string): Promise<Resource[]> {
    return v1.ok(await api.get<Resource[]>(`/v1/audit?subjectId=${subjectId}&limit=100`)).reverse();
  }

  const actions = async (subjectId: string): Promise<string[]> =>
    (await linesOf(subjectId)).map((line) => v1.attributes(line)['action'] as string);

  it('tells who did what to what, when, from where, before and after', async () => {
    const conversation = await v1.conversation(api);
    const headers = { 'x-request-id': 'closing-time', 'user-agent': 'auditors/1.0' };
    v1.ok(await api.post(`/v1/conversations/${conversation.id}/close`, { reason: 'done' }, { headers }));
    const line = (await linesOf(conversation.id)).at(-1) as Resource;
    const me = await hub.sql<{ id: string }>(`SELECT id FROM api_key WHERE name = 'Admin key'`);
    expect(me).toHaveLength(1);
    expect(line.type).toBe('audit_entry');
    expect(line.attributes).toEqual({
      at: any(String),
      action: 'conversation.closed',
      actor: { type: 'api_key', id: expect.stringMatching(/^key_/) as unknown, name: 'Admin key' },
      subject: { type: 'conversation', id: conversation.id },
      changes: {
        status: { before: 'open', after: 'closed' },
        closureReason: { before: null, after: 'done' },
      },
      requestId: 'closing-time',
      address: '127.0.0.1',
      userAgent: 'auditors/1.0',
    });
    expect(Date.now() - Date.parse(String(v1.attributes(line)['at']))).toBeLessThan(60_000);
  });

  it('has a line for every change of a conversation and none for its messages', async () => {
    const agent = await v1.user(api);
    const bot = await v1.bot(api);
    const { id } = await v1.conversation(api);
    const steps: [string, v1.Json][] = [
      ['assign', { assigneeId: agent.id }],
      ['transfer', { toAssigneeId: bot.id, reason: 'night' }],
      ['unassign', {}],
      ['snooze', { until: '2999-01-01T00:00:00Z' }],
      ['reopen', {}],
      ['close', {}],
      ['reopen', {}],
    ];
    for (const [step, body] of steps) v1.ok(await api.post(`/v1/conversations/${id}/${step}`, body));
    const before = await actions(id);
    expect(before).toEqual([
      'conversation.created',
      'conversation.assigned',
      'conversation.transferred',
      'conversation.unassigned',
      'conversation.snoozed',
      'conversation.reopened',
      'conversation.closed',
      'conversation.reopened',
    ]);
    const handed = v1.attributes((await linesOf(id))[2] as Resource)['changes'];
    expect(handed).toMatchObject({
      assignee: { before: { id: agent.id, type: 'user' }, after: { id: bot.id, type: 'bot' } },
      reason: { before: null, after: 'night' },
    });
    v1.ok(await v1.say(api, id, 'One'));
    v1.ok(await v1.say(api, id, 'Two'));
    expect(await actions(id)).toEqual(before);
    v1.ok(await api.post(`/v1/conversations/${id}/close`));
    v1.ok(await api.post(`/v1/conversations/${id}/close`));
    expect((await actions(id)).length).toBe(before.length + 1);
  });

  it('names the contact as the actor of what its message brings about', async () => {
    const channel = await v1.channel(api);
    const contact = { externalId: 'caller', name: 'Caller' };
    const message = v1.ok(await v1.inbound(api, channel.id, { contact }));
    const [opened] = await linesOf(String(v1.attributes(message)['conversationId']));
    expect(v1.attributes(opened as Resource)).toMatchObject({
      action: 'conversation.created',
      actor: { type: 'contact', name: 'Caller' },
      requestId: any(String),
    });
  });

  it('has a line for every administrative change, with what was before and after', async () => {
    const user = await v1.user(api, { name: 'Before' });
    v1.ok(await api.patch(`/v1/users/${user.id}`, { name: 'After', role: 'supervisor' }));
    v1.ok(await api.patch(`/v1/users/${user.id}`, { name: 'After' })); // changes nothing
    await api.delete(`/v1/users/${user.id}`);
    expect(await actions(user.id)).toEqual(['user.created', 'user.invited', 'user.updated', 'user.deleted']);
    expect((await linesOf(user.id)).map((line) => v1.attributes(line)['changes'])).toEqual([
      expect.objectContaining({ name: { before: null, after: 'Before' }, role: { before: null, after: 'agent' } }),
      { sentTo: { before: null, after: v1.attributes(user)['email'] } },
      { name: { before: 'Before', after: 'After' }, role: { before: 'agent', after: 'supervisor' } },
      null,
    ]);

    const bot = await v1.bot(api, { name: 'Robbie' });
    const channel = await v1.channel(api, { name: 'Old' });
    v1.ok(await api.patch(`/v1/channels/${channel.id}`, { name: 'New', defaultBotId: bot.id, metadata: { a: 1 } }));
    v1.ok(await api.patch(`/v1/bots/${bot.id}`, { channelIds: [channel.id], config: { temperature: 1 } }));
    v1.ok(await api.post(`/v1/bots/${bot.id}/deactivate`));
    v1.ok(await api.post(`/v1/channels/${channel.id}/deactivate`));
    await api.delete(`/v1/bots/${bot.id}`);
    await api.delete(`/v1/channels/${channel.id}`);
    expect(await actions(channel.id)).toEqual(
      ['created', 'activated', 'updated', 'deactivated', 'deleted'].map((done) => `channel.${done}`),
    );
    expect(v1.attributes((await linesOf(channel.id))[2] as Resource)['changes']).toEqual({
      name: { before: 'Old', after: 'New' },
      defaultBot: { before: null, after: { id: bot.id, name: 'Robbie' } },
      metadata: { before: {}, after: { a: 1 } },
    });
    expect(await actions(bot.id)).toEqual(
      ['created', 'activated', 'updated', 'deactivated', 'deleted'].map((done) => `bot.${done}`),
    );
    expect(v1.attributes((await linesOf(bot.id))[2] as Resource)['changes']).toEqual({
      channels: { before: [], after: [{ id: channel.id, name: 'New', type: 'api' }] },
      config: { before: {}, after: { temperature: 1 } },
    });

    const contact = await v1.contact(api, { name: 'Ann' });
    v1.ok(await api.patch(`/v1/contacts/${contact.id}`, { name: 'Anna' }));
    await api.delete(`/v1/contacts/${contact.id}`);
    expect(await actions(contact.id)).toEqual(['contact.created', 'contact.updated', 'contact.deleted']);
  });

  it('has a line for every change of a webhook, by people and by the system', async () => {
    const subscriber = await Subscriber.start();
    const worker = await hub.startWorker();
    const url = subscriber.url('/hook');
    const hook = v1.ok(await api.post('/v1/webhooks', { url, events: ['contact.*'], headers: { 'x-a': 'planted-a' } }));
    const changes = { events: ['*'], headers: { 'x-a': 'planted-b', 'x-b': 'planted-c' }, config: { timeout: 3 } };
    v1.ok(await api.patch(`/v1/webhooks/${hook.id}`, changes));
    v1.ok(await api.post(`/v1/webhooks/${hook.id}/rotate-secret`));
    subscriber.behave(410);
    await v1.contact(api);
    await eventually(
      async () => (await actions(hook.id)).at(-1) === 'webhook.endpoint.disabled',
      'the webhook is disabled',
    );
    await api.delete(`/v1/webhooks/${hook.id}`);
    const lines = await linesOf(hook.id);
    expect(lines.map((line) => v1.attributes(line)['action'])).toEqual(
      ['created', 'updated', 'secret_rotated', 'endpoint.disabled', 'deleted'].map((done) => `webhook.${done}`),
    );
    expect(v1.attributes(lines[1] as Resource)['changes']).toEqual({
      events: { before: ['contact.*'], after: ['*'] },
      headers: { before: { 'x-a': '********' }, after: { 'x-a': '********', 'x-b': '********' } },
      config: { before: {}, after: { timeout: 3 } },
    });
    expect(v1.attributes(lines[3] as Resource)).toMatchObject({
      actor: { type: 'system', id: null, name: 'Switchboard' },
      changes: { status: { before: 'active', after: 'disabled' } },
      requestId: null,
      address: null,
    });
    await worker.close();
    await subscriber.stop();
  });

  it('names the system where a timer has done it', async () => {
    const { id } = await v1.conversation(api);
    v1.ok(await api.post(`/v1/conversations/${id}/snooze`, { until: new Date(Date.now() + 60_000).toISOString() }));
    await hub.sql(`UPDATE conversation SET snoozed_until = now() WHERE id = $1`, [v1.uuid(id)]);
    const worker = await hub.startWorker();
    await eventually(async () => (await actions(id)).at(-1) === 'conversation.reopened', 'the conversation woke up');
    expect(v1.attributes((await linesOf(id)).at(-1) as Resource)).toMatchObject({
      actor: { type: 'system', id: null },
      requestId: null,
      userAgent: null,
    });
    await worker.close();
  });

  it('tells of the key that the first start has made', async () => {
    const [line] = v1.ok(await api.get<Resource[]>('/v1/audit?action=api_key.created&limit=1'));
    expect(v1.attributes(line as Resource)).toMatchObject({
      actor: { type: 'system' },
      subject: { type: 'api_key' },
      changes: { scopes: { before: null, after: ['admin'] } },
    });
  });

  it('filters by actor, action, group, subject and time, newest first, and pages by cursor', async () => {
    const stranger = await hub.withScopes('admin');
    const start = new Date().toISOString();
    const contact = await v1.contact(stranger);
    for (const name of ['b', 'c', 'd']) v1.ok(await stranger.patch(`/v1/contacts/${contact.id}`, { name }));
    const { id } = await v1.conversation(stranger);
    const end = new Date().toISOString();
    const list = async (query: string): Promise<string[]> =>
      v1.ok(await api.get<Resource[]>(`/v1/audit?${query}`)).map((line) => v1.attributes(line)['action'] as string);

    const all = await list(`startDate=${start}&endDate=${end}`);
    expect(all[0]).toBe('conversation.created');
    expect(await list(`subjectId=${contact.id}`)).toEqual([...Array(3).fill('contact.updated'), 'contact.created']);
    expect(await list(`startDate=${start}&action=contact.updated`)).toHaveLength(3);
    expect(new Set(await list(`startDate=${start}&action=contact.*`))).toEqual(
      new Set(['contact.updated', 'contact.created']),
    );
    expect(await list(`startDate=${start}&action=*`)).toEqual(all);
    expect(await list('action=nothing.happened')).toEqual([]);
    expect(await list(`endDate=2020-01-01`)).toEqual([]);
    expect(await list(`subjectId=${id}&endDate=${end.slice(0, 10)}`)).toEqual(['conversation.created']);

    const [newest] = v1.ok(await api.get<Resource[]>(`/v1/audit?subjectId=${contact.id}&limit=1`));
    const actor = (v1.attributes(newest as Resource)['actor'] as { id: string }).id;
    expect(await list(`actorId=${actor}`)).toEqual(all);
    expect(await list(`actorId=${actor}&action=contact.created`)).toHaveLength(2);

    const seen: string[] = [];
    let cursor: string | null = '';
    do {
      const page: Awaited<ReturnType<typeof api.get<Resource[]>>> = await api.get<Resource[]>(
        `/v1/audit?actorId=${actor}&limit=2${cursor ? `&cursor=${cursor}` : ''}`,
      );
      seen.push(...v1.ok(page).map((line) => line.id));
      cursor = (page.meta['cursor'] as unknown as { next: string | null }).next;
    } while (cursor);
    expect(new Set(seen).size).toBe(all.length);
    expect(seen).toHaveLength(all.length);
    expect([...seen].sort().reverse()).toEqual(seen);
  });

  it.each([
    ['cursor', 'nonsense'],
    ['cursor', Buffer.from('[1e300,"x"]').toString('base64url')],
    ['cursor', Buffer.from('[1,"x"]').toString('base64url')],
    ['action', 'conversation.%25'],
    ['action', 'DROP'],
    ['actorId', 'me'],
    ['subjectId', 'conv_x'],
    ['startDate', 'yesterday'],
    ['limit', '1000'],
  ])('refuses %s=%s by its name', async (field, value) => {
    const answer = await api.get(`/v1/audit?${field}=${value}`);
    expect([answer.status, answer.error.details?.[0]?.field]).toEqual([400, field]);
  });

  it('is one scan of an index whatever the filter, and never sorts', async () => {
    const organization = v1.uuid(api.organizationId);
    await hub.sql(
      `INSERT INTO audit_log (organization_id, at, id, action, actor, actor_id, subject_type, subject_id)
       SELECT $1, now() - n * interval '1 minute', gen_random_uuid(),
         (ARRAY['conversation.closed','contact.updated','webhook.updated'])[1 + n % 3], '{}', gen_random_uuid(), 'contact',
         gen_random_uuid() FROM generate_series(1, 20000) AS n`,
      [organization],
    );
    await hub.sql('ANALYZE audit_log');
    const client = new pg.Client({ connectionString: hub.database.databaseUrl });
    await client.connect();
    await client.query(`SET switchboard.organization = '${organization}'`);
    const id = newId();
    const cursor = Buffer.from(JSON.stringify([Date.now() - 60_000, id])).toString('base64url');
    const filters = [
      {},
      { cursor },
      { startDate: new Date(Date.now() - 3_600_000), endDate: new Date() },
      { actorId: id },
      { actorId: id, cursor },
      { subjectId: id },
      { action: 'conversation.*', cursor },
      { action: 'webhook.updated' },
    ];
    for (const filter of filters) {
      const { text, values } = auditSelect(organization, { ...filter, limit: 50 });
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toMatch(/Index Scan Backward using audit_log_/);
      expect(plan).not.toMatch(/Sort|Seq Scan|Bitmap/);
    }
    await client.end();
  });

  it('is written with the change or not at all', async () => {
    const { id } = await v1.conversation(api);
    const before = (await actions(id)).length;
    await hub.sql(`ALTER TABLE audit_log ADD CONSTRAINT no_closing CHECK (action <> 'conversation.closed') NOT VALID`);
    const refused = await fetch(`${hub.url}/v1/conversations/${id}/close`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.key}` },
    });
    await hub.sql('ALTER TABLE audit_log DROP CONSTRAINT no_closing');
    expect(refused.status).toBe(500);
    expect(v1.attributes(await api.get(`/v1/conversations/${id}`))['status']).toBe('open');
    const stale = await api.post(`/v1/conversations/${id}/close`, { expectedVersion: 99 });
    expect([stale.status, (await actions(id)).length]).toEqual([412, before]);
  });

  it('can be changed by nobody: not by the processes, not by the owner', async () => {
    const denied = { code: '42501' };
    const statements = [`UPDATE audit_log SET action = 'x'`, 'DELETE FROM audit_log', 'TRUNCATE audit_log'];
    const client = new pg.Client({ connectionString: hub.database.databaseUrl });
    await client.connect();
    await client.query(`SET switchboard.organization = '${v1.uuid(api.organizationId)}'`);
    for (const statement of statements) {
      await expect(client.query(statement)).rejects.toMatchObject(denied);
      await expect(hub.sql(statement)).rejects.toMatchObject(denied);
    }
    const author = { organizationId: v1.uuid((await hub.newOrganization('Else')).organizationId) };
    const entry = {
      author: { ...author, principal: { type: 'system' as const, id: null, name: 'x' } },
      action: 'user.created',
      subjectId: newId(),
    };
    await expect(appendAudit(client, entry)).rejects.toMatchObject(denied);
    await client.end();
  });
});
