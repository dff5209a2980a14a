import { randomUUID } from 'node:crypto';
import { encodeId } from '@hub/platform/ids.js';
import type { Answer } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import { colleague } from '../../e2e/auth-fixtures.js';
import * as v1 from '../v1/v1-fixtures.js';
import {
  BASE,
  body,
  company,
  golden,
  list,
  NOT_FOUND,
  ok,
  open,
  say,
  userId,
  type Company,
  type Conversation,
  type Message,
} from './participants-fixtures.js';

let hub: Hub;
let acme: Company;
let other: Company;
let names: Record<string, string>;
beforeAll(async () => {
  hub = await startHub();
  [acme, other] = [await company(hub), await company(hub)];
  names = { [acme.id]: 'org', [userId(acme.ann)]: 'ann', [userId(acme.ben)]: 'ben', [userId(acme.owner)]: 'owner' };
});
afterAll(() => hub.stop());

const EVERY_CALL: readonly [string, string, v1.Json | null][] = [
  ['GET', '', null],
  ['POST', '', {}],
  ['GET', '/ID', null],
  ['PATCH', '/ID', { subject: 'x' }],
  ['POST', '/ID/messages', { body: 'x' }],
  ['GET', '/ID/messages', null],
];
const OF_ONE = EVERY_CALL.filter(([, tail]) => tail.startsWith('/ID'));

describe('S1-3 POST /conversations', () => {
  it('answers 201 with the conversation, the creator in it, and tells conversation.created', async () => {
    const entity_id = 'bb0e8400-e29b-41d4-a716-446655440000';
    await open(acme.ann); // the first one makes the channel, which is told, too
    const { answer, events } = await v1.told(hub, () =>
      acme.ann.api.post(BASE, {
        organization_id: acme.id,
        subject: 'Work order discussion',
        entity_type: 'work_order',
        entity_id,
        participant_user_ids: [userId(acme.ben)],
      }),
    );
    expect(answer.status).toBe(201);
    const created = body(answer);
    expect(golden({ ...created, entity_id: null }, { ...names, [created.id]: 'conv' })).toEqual({
      id: '<conv>',
      organization_id: '<org>',
      subject: 'Work order discussion',
      entity_type: 'work_order',
      entity_id: null,
      status: 'active',
      participants: [
        { id: '<ann>', type: 'user', name: 'The agent', joined_at: '<time>' },
        { id: '<ben>', type: 'user', name: 'The agent', joined_at: '<time>' },
      ],
      messages: [],
      created_at: '<time>',
      updated_at: '<time>',
    });
    expect(created.entity_id).toBe(entity_id);
    expect(events.map(({ type, order_key, sequence }) => [type, order_key, sequence])).toEqual([
      ['conversation.created', created.id, 1],
    ]);
  });

  it('tells the very event that the native API tells', async () => {
    const native = await v1.told(hub, async () => {
      const [channel] = await hub.sql<{ id: string }>('SELECT id FROM channel WHERE organization_id = $1 AND builtin', [
        acme.id,
      ]);
      const channelId = encodeId('ch', channel?.id ?? '');
      const userIds = [acme.ann.userId];
      return v1.ok(await acme.ann.api.post('/v1/conversations', { channelId, subject: 'Talk', userIds }));
    });
    const ours = await v1.told(hub, () => open(acme.ann));
    const plain = (text: unknown) => golden(JSON.parse(JSON.stringify(text).replace(/"number":\d+/g, '"number":0')));
    expect(ours.events.map((event) => plain(event.body))).toEqual(native.events.map((event) => plain(event.body)));
  });

  it('takes a caller for the organization that is theirs, and answers 403 for another', async () => {
    expect((await open(acme.ann)).organization_id).toBe(acme.id);
    expect((await open(acme.ann, { organization_id: acme.id.toUpperCase() })).organization_id).toBe(acme.id);
    for (const who of [acme.ann, acme.owner]) {
      const before = await v1.checksum(hub);
      const refused = await who.api.post(BASE, { organization_id: other.id, subject: 'x' });
      expect([refused.status, body(refused)]).toEqual([
        403,
        { detail: 'Cannot create conversation for different organization' },
      ]);
      expect(await v1.checksum(hub)).toEqual(before);
    }
  });

  it('always makes a new one, and takes the same user twice', async () => {
    const ids = [userId(acme.ben), userId(acme.ben).toUpperCase(), userId(acme.ann)];
    const [one, two] = [
      await open(acme.ann, { participant_user_ids: ids }),
      await open(acme.ann, { participant_user_ids: ids }),
    ];
    expect(one.id).not.toBe(two.id);
    expect(one.participants.map(({ id }) => id).sort()).toEqual([userId(acme.ann), userId(acme.ben)].sort());
  });

  it('writes nothing for a user who is unknown, foreign, deleted or suspended, and names the field', async () => {
    const gone = await colleague(hub, acme.owner, 'agent');
    const suspended = await colleague(hub, acme.owner, 'agent');
    await acme.owner.api.delete(`/v1/users/${gone.userId}`);
    v1.ok(await acme.owner.api.patch(`/v1/users/${suspended.userId}`, { status: 'suspended' }));
    const before = await v1.checksum(hub);
    for (const id of [randomUUID(), userId(other.ann), userId(gone)]) {
      const refused = await acme.ann.api.post(BASE, { participant_user_ids: [userId(acme.ben), id] });
      expect([refused.status, body(refused)]).toEqual([404, { detail: 'participant_user_ids: User does not exist' }]);
    }
    const refused = await acme.ann.api.post(BASE, { participant_user_ids: [userId(suspended)] });
    expect(refused.status).toBe(422);
    expect(body<v1.Json>(refused)['detail']).toEqual([
      { loc: ['body', 'participant_user_ids'], msg: 'The agent does not take conversations', type: 'value_error' },
    ]);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it('lets users of every role open conversations and take part in them', async () => {
    for (const role of ['customer', 'agent', 'supervisor', 'admin', 'super_admin']) {
      const who = await colleague(hub, acme.owner, role);
      const mine = await open(who, { participant_user_ids: [userId(acme.ann)] });
      const theirs = await open(acme.ann, { participant_user_ids: [userId(who)] });
      await say(who, theirs.id, role);
      expect((await list(who)).map(({ id }) => id)).toEqual([theirs.id, mine.id]);
    }
  });

  it('20 at once, the very first of an organization, make 20 conversations in one channel', async () => {
    const young = await company(hub);
    const made = await Promise.all(Array.from({ length: 20 }, () => open(young.ann)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(20);
    const [row] = await hub.sql<{ n: number }>(
      'SELECT count(*)::int AS n FROM channel WHERE organization_id = $1 AND builtin',
      [young.id],
    );
    expect(row?.n).toBe(1);
    const answer = await young.ann.api.get(`${BASE}?limit=1`);
    expect(answer.headers.get('x-total-count')).toBe('20');
  });

  it('does it once for one Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const send = () => acme.ann.api.post(BASE, { subject: 'Once' }, { headers });
    const [first, again] = [await send(), await send()];
    expect([first.status, again.status, again.text]).toEqual([201, 201, first.text]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const { id } = body(first);
    const speak = () =>
      acme.ann.api.post(`${BASE}/${id}/messages`, { body: 'Once' }, { headers: { 'Idempotency-Key': id } });
    expect((await speak()).text).toBe((await speak()).text);
    expect(ok<Message[]>(await acme.ann.api.get(`${BASE}/${id}/messages`))).toHaveLength(1);
  });
});

describe('S1-2 GET /conversations/{conversation_id}', () => {
  it('answers the conversation with all its messages, oldest first', async () => {
    const { id } = await open(acme.ann, { participant_user_ids: [userId(acme.ben)] });
    await say(acme.ann, id, 'Good morning');
    await say(acme.ben, id, '"Quoted" – \u{1f600}\nand broken');
    const found = ok(await acme.ben.api.get(`${BASE}/${id}`));
    expect(golden(found.messages, { ...names, [id]: 'conv' })).toEqual([
      { id: '<uuid>', conversation_id: '<conv>', sender_id: '<ann>', body: 'Good morning', created_at: '<time>' },
      {
        id: '<uuid>',
        conversation_id: '<conv>',
        sender_id: '<ben>',
        body: '"Quoted" – \u{1f600}\nand broken',
        created_at: '<time>',
      },
    ]);
    expect(Object.keys(found)).toEqual([
      'id',
      'organization_id',
      'subject',
      'entity_type',
      'entity_id',
      'status',
      'participants',
      'messages',
      'created_at',
      'updated_at',
    ]);
    const head = await fetch(`${hub.url}${BASE}/${id}`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${acme.ben.accessToken}` },
    });
    expect(head.status).toBe(200);
  });
});

describe('S1-4 PATCH /conversations/{conversation_id}', () => {
  const patch = (id: string, fields: v1.Json) => acme.ann.api.patch(`${BASE}/${id}`, fields);
  const change = async (id: string, fields: v1.Json): Promise<[Conversation, string[]]> => {
    const { answer, events } = await v1.told(hub, () => patch(id, fields));
    return [ok(answer), events.map(({ type }) => type)];
  };

  it('changes the subject and archives, as in the example, and answers the conversation', async () => {
    const { id } = await open(acme.ann);
    await say(acme.ann, id, 'Hello');
    const [changed, events] = await change(id, { subject: 'Updated subject', status: 'archived' });
    expect(changed).toMatchObject({
      id,
      subject: 'Updated subject',
      status: 'archived',
      messages: [{ body: 'Hello' }],
    });
    expect(events).toEqual(['conversation.updated', 'conversation.closed', 'conversation.updated']);
    const [row] = await hub.sql('SELECT status, archived_at IS NOT NULL AS archived FROM conversation WHERE id = $1', [
      id,
    ]);
    expect(row).toEqual({ status: 'closed', archived: true });
  });

  it.each([
    ['archived', 'archived', ['conversation.closed', 'conversation.updated']],
    ['closed', 'closed', ['conversation.closed']],
    ['active', 'active', []],
    ['open', 'active', []],
  ])('takes an active one to %s, and again changes and tells nothing', async (wanted, shown, told) => {
    const { id } = await open(acme.ann);
    const [changed, events] = await change(id, { status: wanted });
    expect([changed.status, events]).toEqual([shown, told]);
    expect((await change(id, { status: wanted }))[1]).toEqual([]);
  });

  it('reopens what is closed or archived, and takes one out of the archive without reopening it', async () => {
    const { id } = await open(acme.ann);
    await change(id, { status: 'archived' });
    const [closed, events] = await change(id, { status: 'closed' });
    expect([closed.status, events]).toEqual(['closed', ['conversation.updated']]);
    for (const [from, to] of [
      ['closed', 'active'],
      ['archived', 'open'],
    ]) {
      await change(id, { status: from });
      const [reopened, told] = await change(id, { status: to, subject: null });
      expect(reopened).toMatchObject({ status: 'active', subject: null });
      expect(told.at(-1)).toBe('conversation.reopened');
    }
  });

  it('shows what is pending or asleep as active; active leaves the one as it is and wakes the other', async () => {
    const { id } = await open(acme.ann);
    const native = `/v1/conversations/${encodeId('conv', id)}`;
    v1.ok(await acme.ann.api.patch(native, { status: 'pending' }));
    const [pending, nothing] = await change(id, { status: 'active' });
    expect([pending.status, nothing]).toEqual(['active', []]);
    v1.ok(await acme.ann.api.post(`${native}/snooze`, { until: '2999-01-01T00:00:00Z' }));
    expect(ok(await acme.ann.api.get(`${BASE}/${id}`)).status).toBe('active');
    const [, woken] = await change(id, { status: 'active' });
    expect(woken).toEqual(['conversation.reopened']);
  });

  it('changes and tells nothing with nothing in it', async () => {
    const { id, updated_at } = await open(acme.ann);
    for (const fields of [{}, { status: null }, { subject: 'Talk' }, { color: 'red' }]) {
      const [same, events] = await change(id, fields);
      expect([same.updated_at, events]).toEqual([updated_at, []]);
    }
  });

  it('20 at once close and reopen it once', async () => {
    const { id } = await open(acme.ann);
    for (const [status, type] of [
      ['archived', 'conversation.closed'],
      ['active', 'conversation.reopened'],
    ]) {
      const { answer, events } = await v1.told(hub, () =>
        Promise.all(Array.from({ length: 20 }, () => patch(id, { status }))),
      );
      expect(answer.every((one) => one.status === 200 || (status === 'active' && one.status === 409))).toBe(true);
      expect(events.filter((event) => event.type === type)).toHaveLength(1);
    }
  });
});

describe('S1-5 POST /conversations/{conversation_id}/messages', () => {
  it('answers 201 with the message, and tells message.sent', async () => {
    const { id } = await open(acme.ann);
    const { answer, events } = await v1.told(hub, () =>
      acme.ann.api.post(`${BASE}/${id}/messages`, { body: 'This is a message' }),
    );
    expect(answer.status).toBe(201);
    expect(golden(body<Message>(answer), { ...names, [id]: 'conv' })).toEqual({
      id: '<uuid>',
      conversation_id: '<conv>',
      sender_id: '<ann>',
      body: 'This is a message',
      created_at: '<time>',
    });
    expect(events.map(({ type, order_key }) => [type, order_key])).toEqual([['message.sent', id]]);
    expect(v1.at(events[0]?.body, 'data.attributes.content')).toEqual({ type: 'text', text: 'This is a message' });
  });

  it('sends to the contact where one takes part, and refuses when the channel is not active', async () => {
    const channel = await v1.channel(acme.owner.api);
    const native = await v1.conversation(acme.owner.api, { channelId: channel.id, assigneeId: acme.ann.userId });
    const id = v1.uuid(native.id);
    const [found] = await list(acme.ann);
    expect(found?.participants.map(({ type }) => type)).toEqual(['contact', 'user']);
    const { events } = await v1.told(hub, () => say(acme.ann, id, 'To the customer'));
    expect(events.map(({ type }) => type)).toEqual(['message.sent']);
    v1.ok(await acme.owner.api.post(`/v1/channels/${channel.id}/deactivate`));
    const refused = await acme.ann.api.post(`${BASE}/${id}/messages`, { body: 'x' });
    expect([refused.status, body<v1.Json>(refused)['detail']]).toEqual([422, expect.stringContaining('not active')]);
  });

  it('answers 409 on a closed one', async () => {
    const { id } = await open(acme.ann);
    for (const status of ['closed', 'archived']) {
      ok(await acme.ann.api.patch(`${BASE}/${id}`, { status }));
      const refused = await acme.ann.api.post(`${BASE}/${id}/messages`, { body: 'x' });
      expect([refused.status, body(refused)]).toEqual([409, { detail: 'The conversation is closed: reopen it first' }]);
    }
  });
});

describe('S1-6 GET /conversations/{conversation_id}/messages', () => {
  it('gives all messages without a cap, oldest first, and none of the private notes', async () => {
    const { id } = await open(acme.ann);
    await hub.sql(
      `INSERT INTO message (organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, text,
         status, sender, occurred_at, sent_at)
       SELECT c.organization_id, gen_random_uuid(), c.id, c.channel_id, n, CASE n % 5 WHEN 0 THEN 'internal' ELSE 'outbound' END,
         'text', jsonb_build_object('type', 'text', 'text', 'm' || n), 'm' || n, 'sent',
         jsonb_build_object('type', 'user', 'id', $2::text, 'name', 'Ann'), now(), CASE WHEN n % 7 > 0 THEN now() END
       FROM conversation c, generate_series(1, 2600) n WHERE c.id = $1`,
      [id, userId(acme.ann)],
    );
    const said = Array.from({ length: 2600 }, (_, i) => i + 1).filter((n) => n % 5 > 0 && n % 7 > 0);
    const expected = said.map((n) => `m${n}`);
    const all = ok<Message[]>(await acme.ann.api.get(`${BASE}/${id}/messages`));
    expect(all.map((one) => one.body)).toEqual(expected);
    expect(ok(await acme.ann.api.get(`${BASE}/${id}`)).messages).toEqual(all);
    const seen: string[] = [];
    for (let path: string | undefined = `${BASE}/${id}/messages?limit=400`; path;) {
      const answer: Answer = await acme.ann.api.get(path);
      seen.push(...ok<Message[]>(answer).map((one) => one.body));
      path = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    expect(seen).toEqual(expected);
    const rest = await acme.ann.api.get(`${BASE}/${id}/messages?after=${all.at(-2)?.id}`);
    expect(body<Message[]>(rest)).toEqual(all.slice(-1));
    expect((await acme.ann.api.get(`${BASE}/${id}/messages?after=${all.at(-1)?.id}`)).text).toBe('[]');
  });

  it('is an empty array where nothing was said', async () => {
    const { id } = await open(acme.ann);
    for (const query of ['', '?limit=1'])
      expect((await acme.ann.api.get(`${BASE}/${id}/messages${query}`)).text).toBe('[]');
  });
});

describe('S1-7 who sees what', () => {
  it.each(OF_ONE)(
    '%s %s is 404 for whoever does not take part, as for one that does not exist',
    async (method, tail, json) => {
      const { id } = await open(acme.ann);
      const before = await v1.checksum(hub);
      for (const [who, at] of [
        [acme.ben, id],
        [acme.owner, id],
        [other.ann, id],
        [other.owner, id],
        [acme.ann, randomUUID()],
      ] as const) {
        const answer = await who.api.call(method, BASE + tail.replace('ID', at), { ...(json && { body: json }) });
        expect([answer.status, body(answer)]).toEqual([404, NOT_FOUND]);
      }
      expect(await v1.checksum(hub)).toEqual(before);
    },
  );

  it('ends when a participant is taken out', async () => {
    const { id } = await open(acme.ann, { participant_user_ids: [userId(acme.ben)] });
    const { data } = await acme.owner.api.get<{ id: string }[]>('/v1/conversations?perPage=1');
    v1.ok(await acme.owner.api.delete(`/v1/conversations/${data[0]?.id}/participants/${acme.ben.userId}`));
    expect((await acme.ben.api.get(`${BASE}/${id}`)).status).toBe(404);
    expect((await list(acme.ben)).map((one) => one.id)).not.toContain(id);
    expect((await list(acme.ann))[0]?.participants.map((one) => one.id)).toEqual([userId(acme.ann)]);
  });

  it.each(EVERY_CALL)('%s %s is 401 for anybody but a user with an access token', async (method, tail, json) => {
    const { id } = await open(acme.ann);
    const person = await v1.contact(hub.admin);
    const { token } = v1.ok(await hub.admin.post<{ token: string }>(`/v1/contacts/${person.id}/token`, {}));
    for (const credential of ['', hub.admin.key, token, 'eyJhbGciOi.x.y', 'nonsense', acme.ann.refreshToken]) {
      const path = BASE + tail.replace('ID', id);
      const answer = await hub.as(credential).call(method, path, { ...(json && { body: json }) });
      const known = credential === hub.admin.key || credential === token;
      const detail = known ? 'Only the access token of a user is taken here' : (expect.any(String) as unknown);
      expect([answer.status, body(answer)]).toEqual([401, { detail }]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });
});

describe('S1-8 Notifications and Types', () => {
  it('has its schema in a document of its own', async () => {
    const document = (await (await fetch(`${hub.url}/docs/participants/openapi.json`)).json()) as {
      paths: Record<string, object>;
      components: { schemas: Record<string, object> };
    };
    expect(Object.entries(document.paths).map(([path, methods]) => [path, Object.keys(methods).sort()])).toEqual([
      [BASE, ['get', 'post']],
      [`${BASE}/{conversation_id}`, ['get', 'patch']],
      [`${BASE}/{conversation_id}/messages`, ['get', 'post']],
    ]);
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(['Conversation', 'Message']));
  });
});
