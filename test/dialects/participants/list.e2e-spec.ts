import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import pg from 'pg';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';
import {
  BASE,
  body,
  company,
  list,
  open,
  places,
  say,
  userId,
  type Company,
  type Conversation,
} from './participants-fixtures.js';

let hub: Hub;
let acme: Company;
let other: Company;
beforeAll(async () => {
  hub = await startHub();
  [acme, other] = [await company(hub), await company(hub)];
});
afterAll(() => hub.stop());

const ids = (found: readonly Conversation[]): string[] => found.map(({ id }) => id);

/** `count` conversations of `who`, with `messages` said in each. */
async function fill(who: string, organizationId: string, count: number, messages: number): Promise<void> {
  await hub.sql(
    `WITH made AS (
       INSERT INTO conversation (organization_id, id, channel_id, status, priority, message_count)
       SELECT $1, gen_random_uuid(), ch.id, 'open', 'normal', $4
       FROM channel ch, generate_series(1, $3) WHERE ch.organization_id = $1 AND ch.builtin RETURNING *
     ), joined AS (
       INSERT INTO participant (organization_id, conversation_id, kind, ref_id, role)
       SELECT organization_id, id, 'user', $2, 'agent' FROM made
     )
     INSERT INTO message (organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, status,
       sender, occurred_at, sent_at)
     SELECT organization_id, gen_random_uuid(), id, channel_id, n, 'outbound', 'text',
       jsonb_build_object('type', 'text', 'text', id || ' ' || n), 'sent',
       jsonb_build_object('type', 'user', 'id', $2::text, 'name', 'x'), now(), now()
     FROM made, generate_series(1, $4) n`,
    [organizationId, who, count, messages],
  );
}

describe('S1-1 GET /conversations', () => {
  it('gives the conversations that the caller takes part in, newest first, each with its own messages', async () => {
    const { ann, ben } = await company(hub);
    const alone = await open(ann);
    const both = await open(ben, { participant_user_ids: [userId(ann)] });
    const bens = await open(ben);
    for (const [who, id, text] of [
      [ann, alone.id, 'a1'],
      [ben, both.id, 'b1'],
      [ann, both.id, 'b2'],
      [ben, bens.id, 'c1'],
    ] as const)
      await say(who, id, text);
    const seen = (await list(ann)).map(({ id, messages }) => [id, messages.map((one) => one.body)]);
    expect(seen).toEqual([
      [both.id, ['b1', 'b2']],
      [alone.id, ['a1']],
    ]);
    expect(ids(await list(ben))).toEqual([bens.id, both.id]);
  });

  it('is an empty array for whoever takes part in none', async () => {
    const { owner } = await company(hub);
    const answer = await owner.api.get(BASE);
    expect([answer.status, answer.text, answer.headers.get('x-total-count')]).toEqual([200, '[]', '0']);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('filters by entity type and entity id', async () => {
    const { ann } = await company(hub);
    const entity_id = randomUUID();
    const order = await open(ann, { entity_type: 'work_order', entity_id });
    const asset = await open(ann, { entity_type: 'asset', entity_id });
    const second = await open(ann, { entity_type: 'work_order', entity_id: randomUUID() });
    await open(ann);
    expect(ids(await list(ann, '?entity_type=work_order'))).toEqual([second.id, order.id]);
    expect(ids(await list(ann, `?entity_id=${entity_id.toUpperCase()}`))).toEqual([asset.id, order.id]);
    expect(ids(await list(ann, `?entity_type=asset&entity_id=${entity_id}`))).toEqual([asset.id]);
    expect(await list(ann, '?entity_type=nothing')).toEqual([]);
  });

  it('comes in pages, with the total and links to the other ones', async () => {
    const { ann } = await company(hub);
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await open(ann, { entity_type: 'a b', entity_id: randomUUID() })).id);
    const page = async (n: number) => {
      const answer = await ann.api.get(`${BASE}?entity_type=a%20b&limit=2&page=${n}`);
      const links = [...(answer.headers.get('link') ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)];
      const to = Object.fromEntries(
        links.map(([, at, rel]) => [rel, new URL(at ?? '', hub.url).searchParams.get('page')]),
      );
      return { found: ids(body<Conversation[]>(answer)), total: answer.headers.get('x-total-count'), to, links };
    };
    const [one, two, three, four] = [await page(1), await page(2), await page(3), await page(4)];
    expect([...one.found, ...two.found, ...three.found, ...four.found]).toEqual(made);
    expect([one, two, three, four].map(({ total }) => total)).toEqual(['5', '5', '5', '5']);
    expect(one.to).toEqual({ first: '1', next: '2', last: '3' });
    expect(two.to).toEqual({ first: '1', prev: '1', next: '3', last: '3' });
    expect(three.to).toEqual({ first: '1', prev: '2', last: '3' });
    expect(four.to).toEqual({ first: '1', prev: '3', last: '3' });
    const followed = await ann.api.get(one.links.find(([, , rel]) => rel === 'next')?.[1] ?? '');
    expect(ids(body<Conversation[]>(followed))).toEqual(two.found);
    expect((await list(ann)).length).toBe(5);
  });

  it('shows a super_admin their own conversations, and with organization_id all of the organization', async () => {
    const firm = await company(hub);
    const [anns, owners] = [await open(firm.ann), await open(firm.owner)];
    expect(ids(await list(firm.owner))).toEqual([owners.id]);
    expect(ids(await list(firm.owner, `?organization_id=${firm.id}`))).toEqual([owners.id, anns.id]);
    expect(ids(await list(firm.owner, `?organization_id=${firm.id}&entity_type=none`))).toEqual([]);
    expect(ids(await list(firm.ann, `?organization_id=${firm.id}`))).toEqual([anns.id]);
    for (const who of [firm.owner, firm.ann]) {
      expect(places(await who.api.get(`${BASE}?organization_id=${other.id}`))).toEqual([
        403,
        'Cannot list conversations of different organization',
      ]);
    }
  });

  it('asks the database as often for 100 conversations as for one', async () => {
    const firm = await company(hub);
    await open(firm.ann);
    await fill(userId(firm.ann), firm.id, 100, 3);
    const asked = async (query: string): Promise<number> => {
      await list(firm.ann, query); // what is prepared once is not counted
      const spy = jest.spyOn(pg.Client.prototype, 'query');
      try {
        const counts: number[] = [];
        for (let n = 0; n < 5; n++) {
          spy.mockClear();
          await list(firm.ann, query);
          counts.push(spy.mock.calls.length);
        }
        return Math.min(...counts); // what the process does beside them is counted, too
      } finally {
        spy.mockRestore();
      }
    };
    const [one, hundred] = [await asked('?limit=1'), await asked('?limit=100')];
    expect(hundred).toBe(one);
    expect(one).toBeLessThanOrEqual(7);
  });

  it('keeps long conversations apart and in order, over any number of batches', async () => {
    const firm = await company(hub);
    await open(firm.ann);
    for (const length of [1, 499, 500, 0, 501, 1_250, 2]) await fill(userId(firm.ann), firm.id, 1, length);
    const found = await list(firm.ann);
    expect(found.map(({ messages }) => messages.length).sort((a, b) => a - b)).toEqual([
      0, 0, 1, 2, 499, 500, 501, 1_250,
    ]);
    for (const { id, messages } of found) {
      expect(messages.map((one) => one.body)).toEqual(messages.map((_, i) => `${id} ${i + 1}`));
      expect(new Set(messages.map((one) => one.conversation_id))).toEqual(new Set(messages.length > 0 ? [id] : []));
    }
  });
});

describe('input that is not valid', () => {
  const many = Array.from({ length: 101 }, () => randomUUID());
  const at = '/00000000-0000-7000-8000-000000000000';
  it.each<[string, string, v1.Json | null, string]>([
    ['GET', '?limit=0', null, 'query.limit'],
    ['GET', '?limit=101', null, 'query.limit'],
    ['GET', '?limit=ten', null, 'query.limit'],
    ['GET', '?limit=1&limit=2', null, 'query.limit'],
    ['GET', '?page=0', null, 'query.page'],
    ['GET', '?page=-1', null, 'query.page'],
    ['GET', '?page=1.5', null, 'query.page'],
    ['GET', '?page=99999999999999999999', null, 'query.page'],
    ['GET', '?page=1002&limit=100', null, 'query.page'],
    ['GET', '?entity_id=7', null, 'query.entity_id'],
    ['GET', '?entity_type=', null, 'query.entity_type'],
    ['GET', '?entity_type=%00', null, 'query.entity_type'],
    ['GET', '?organization_id=acme', null, 'query.organization_id'],
    ['GET', '/7', null, 'path.conversation_id'],
    ['GET', '/%00', null, 'path.conversation_id'],
    ['PATCH', '/conv_1', { subject: 'x' }, 'path.conversation_id'],
    ['POST', '/x/messages', { body: 'x' }, 'path.conversation_id'],
    ['GET', '/x/messages', null, 'path.conversation_id'],
    ['GET', `${at}/messages?limit=501`, null, 'query.limit'],
    ['GET', `${at}/messages?after=1`, null, 'query.after'],
    ['POST', '', { subject: 7 }, 'body.subject'],
    ['POST', '', { subject: 'x'.repeat(256) }, 'body.subject'],
    ['POST', '', { subject: 'a\u0000b' }, 'body.subject'],
    ['POST', '', { organization_id: 'acme' }, 'body.organization_id'],
    ['POST', '', { entity_type: 'work_order' }, 'body.entity_id'],
    ['POST', '', { entity_id: randomUUID() }, 'body.entity_type'],
    ['POST', '', { entity_type: 'work_order', entity_id: 'WO-1' }, 'body.entity_id'],
    ['POST', '', { participant_user_ids: 'me' }, 'body.participant_user_ids'],
    ['POST', '', { participant_user_ids: ['me'] }, 'body.participant_user_ids'],
    ['POST', '', { participant_user_ids: [null] }, 'body.participant_user_ids'],
    ['POST', '', { participant_user_ids: many }, 'body.participant_user_ids'],
    ['PATCH', at, { status: 'done' }, 'body.status'],
    ['PATCH', at, { status: 'pending' }, 'body.status'],
    ['PATCH', at, { subject: [] }, 'body.subject'],
    ['POST', `${at}/messages`, {}, 'body.body'],
    ['POST', `${at}/messages`, { body: '' }, 'body.body'],
    ['POST', `${at}/messages`, { body: 7 }, 'body.body'],
    ['POST', `${at}/messages`, { body: null }, 'body.body'],
    ['POST', `${at}/messages`, { body: 'x'.repeat(65_537) }, 'body.body'],
  ])('%s %s %j is a 422 that says where', async (method, tail, json, place) => {
    const answer = await acme.ann.api.call(method, BASE + tail, { ...(json && { body: json }) });
    expect(places(answer)).toEqual([422, [place]]);
  });

  it.each([
    ['[]', 'body'],
    ['"x"', 'body'],
    ['null', 'body'],
    ['{"subject":', 'body'],
  ])('a body of %s is a 422 that says so', async (raw, place) => {
    expect(places(await acme.ann.api.post(BASE, undefined, { raw }))).toEqual([422, [place]]);
  });

  it('words what never reaches a route', async () => {
    const call = { headers: { 'content-type': 'text/plain' }, raw: 'x' };
    expect(places(await acme.ann.api.call('POST', BASE, call))).toEqual([415, expect.any(String)]);
    const big = { raw: JSON.stringify({ subject: 'x'.repeat(1_100_000) }) };
    expect(places(await acme.ann.api.call('POST', BASE, big))).toEqual([413, expect.any(String)]);
    expect(places(await acme.ann.api.call('DELETE', `${BASE}${at}`))).toEqual([404, expect.any(String)]);
    const key = { headers: { 'Idempotency-Key': 'k'.repeat(256) } };
    expect(places(await acme.ann.api.post(BASE, {}, key))).toEqual([422, ['header.idempotency-key']]);
  });

  it('an `after` that is no message of this conversation is a 422', async () => {
    const [one, two] = [await open(acme.ann), await open(acme.ann)];
    const { id } = await say(acme.ann, two.id, 'x');
    expect(places(await acme.ann.api.get(`${BASE}/${one.id}/messages?after=${id}`))).toEqual([422, ['query.after']]);
  });
});
