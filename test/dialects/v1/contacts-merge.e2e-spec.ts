import { NumbersQueries } from '@hub/conversations/numbers.queries.js';
import { createDataSource } from '@hub/model/data-source.js';
import { Database } from '@hub/model/database.js';
import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
});
afterAll(() => hub.stop());

const merge = (primary: Resource, ...secondaries: Resource[]): Promise<Answer> =>
  api.post('/v1/contacts/merge', {
    primaryContactId: primary.id,
    secondaryContactIds: secondaries.map(({ id }) => id),
  });
const get = async (id: string): Promise<v1.Json> => v1.attributes(v1.ok(await api.get(`/v1/contacts/${id}`)));
const conversationOf = async (id: string): Promise<v1.Json> =>
  v1.attributes(v1.ok(await api.get(`/v1/conversations/${id}`)));
const conversationIds = async (contactId: string): Promise<string[]> =>
  v1.ok(await api.get<Resource[]>(`/v1/contacts/${contactId}/conversations`)).map(({ id }) => id);
const sentBy = (externalId: string, more: v1.Json = {}): v1.Json => ({ contact: { externalId, ...more } });

describe('merging contacts', () => {
  test('the primary keeps what it has and is filled with what it lacks, the first secondary first', async () => {
    const primary = v1.ok(
      await api.post('/v1/contacts', { name: 'Ann', metadata: { tier: 'gold', a: 1 }, tags: ['vip', 'x'] }),
    );
    const [first, second] = [
      await v1.contact(api, { name: 'A.', metadata: { tier: 'tin', b: 2 }, tags: ['x', 'y'] }),
      await v1.contact(api, {
        email: v1.newEmail(),
        externalId: `crm-${v1.next()}`,
        avatar: 'https://example.com/a.png',
        metadata: { b: 3, c: 4 },
        tags: ['z'],
      }),
    ];
    const { answer, events } = await v1.told(hub, () => merge(primary, first, second));
    expect(answer.status).toBe(200);
    const of = (one: Resource, field: string): unknown => v1.attributes(one)[field];
    expect(answer.data).toMatchObject({
      id: primary.id,
      attributes: {
        number: of(primary, 'number'),
        name: 'Ann',
        phone: of(first, 'phone'),
        email: of(second, 'email'),
        externalId: of(second, 'externalId'),
        avatar: 'https://example.com/a.png',
        metadata: { tier: 'gold', a: 1, b: 2, c: 4 },
        tags: ['vip', 'x', 'y', 'z'],
      },
    });
    expect(await get(primary.id)).toEqual(answer.data.attributes);
    for (const { id } of [first, second]) {
      v1.expectError(await api.get(`/v1/contacts/${id}`), 404, 'CONTACT_NOT_FOUND');
      v1.expectError(await api.delete(`/v1/contacts/${id}`), 404, 'CONTACT_NOT_FOUND');
    }
    expect(events.map(({ type }) => type)).toEqual(['contact.merged']);
    expect(events[0]?.body).toMatchObject({
      data: answer.data,
      meta: {
        changes: {
          mergedContacts: { before: [], after: [first.id, second.id] },
          phone: { before: null, after: of(first, 'phone') },
          tags: { before: ['vip', 'x'], after: ['vip', 'x', 'y', 'z'] },
        },
      },
    });
    expect(v1.at(events[0]?.body, 'meta.changes.name')).toBeUndefined();
    const audit = v1.ok(await api.get<Resource[]>('/v1/audit?action=contact.merged'));
    expect(v1.attributes(audit[0] as Resource)).toMatchObject({ subject: { id: primary.id } });
  });

  test('conversations, identities, participations and tickets become its own; each move is told', async () => {
    const desk = await v1.channel(api);
    const primary = await v1.contact(api);
    const message = v1.ok(await v1.inbound(api, desk.id, sentBy('old-1', { name: 'Old' })));
    const conversationId = String(v1.attributes(message)['conversationId']);
    const before = await conversationOf(conversationId);
    const secondary = v1.ok(await api.get(`/v1/contacts/${String(v1.at(before, 'contact.id'))}`));
    const organization = v1.uuid(api.organizationId);
    await hub.sql(
      `INSERT INTO ticket (organization_id, id, subject, contact_id) VALUES ($1, gen_random_uuid(), 'merge', $2)`,
      [organization, v1.uuid(secondary.id)],
    );
    const { answer, events } = await v1.told(hub, () => merge(primary, secondary));
    expect(answer.data.attributes).toMatchObject({
      conversationCount: 1,
      identifiers: [{ channelId: desk.id, identifier: 'old-1', displayName: 'Old' }],
    });
    expect(events.map(({ type }) => type)).toEqual(['conversation.updated', 'contact.merged']);
    expect(v1.at(events[0]?.body, 'meta.changes')).toEqual({
      contact: { before: { id: secondary.id, name: 'Old' }, after: { id: primary.id, name: 'John Doe' } },
    });
    expect(v1.at(events[0]?.body, 'data.attributes.contact.id')).toBe(primary.id);
    expect(await conversationIds(primary.id)).toEqual([conversationId]);
    expect(await conversationOf(conversationId)).toMatchObject({
      status: 'open',
      version: Number(before['version']) + 1,
    });
    const people = v1.ok(await api.get<Resource[]>(`/v1/conversations/${conversationId}/participants`));
    expect(people.map(({ id }) => id)).toEqual([primary.id]);
    const tickets = await hub.sql<{ contact: string }>(
      `SELECT contact_id AS contact FROM ticket WHERE subject = 'merge'`,
    );
    expect(tickets).toEqual([{ contact: v1.uuid(primary.id) }]);
  });

  test('of two live conversations on one channel the most recently active goes on, the other is closed', async () => {
    const desk = await v1.channel(api);
    const other = await v1.channel(api);
    const say = async (channelId: string, externalId: string): Promise<v1.Json> =>
      v1.attributes(v1.ok(await v1.inbound(api, channelId, sentBy(externalId))));
    const mine = await say(desk.id, 'mine');
    const theirs = await say(desk.id, 'theirs');
    const elsewhere = await say(other.id, 'theirs-too');
    const contactOf = async (one: v1.Json): Promise<Resource> => {
      const id = String(v1.at(await conversationOf(String(one['conversationId'])), 'contact.id'));
      return v1.ok(await api.get(`/v1/contacts/${id}`));
    };
    const [primary, second, third] = [await contactOf(mine), await contactOf(theirs), await contactOf(elsewhere)];
    const { events } = await v1.told(hub, () => merge(primary, second, third));
    expect(events.map(({ type }) => type)).toEqual([
      'conversation.closed',
      'conversation.updated',
      'conversation.updated',
      'contact.merged',
    ]);
    expect(await conversationOf(String(mine['conversationId']))).toMatchObject({
      status: 'closed',
      closureReason: 'merged',
      messageCount: 1,
      contact: { id: primary.id },
    });
    for (const one of [theirs, elsewhere]) {
      expect(await conversationOf(String(one['conversationId']))).toMatchObject({
        status: 'open',
        contact: { id: primary.id },
      });
    }
    const again = await say(desk.id, 'mine');
    expect(again['conversationId']).toBe(theirs['conversationId']);
    expect(await conversationIds(primary.id)).toHaveLength(3);
  });

  test('whoever writes from an address of a secondary is the primary, also after a second merge', async () => {
    const desk = await v1.channel(api);
    const [a, b, c] = [await v1.contact(api), await v1.contact(api), await v1.contact(api, { email: v1.newEmail() })];
    v1.ok(await merge(b, a));
    v1.ok(await merge(c, b));
    expect(v1.at(await get(c.id), 'phone')).toBe(v1.attributes(c)['phone']);
    const source = await createDataSource(hub.database.databaseUrl, 1).initialize();
    const numbers = new NumbersQueries(new Database(source));
    for (const [i, one] of [a, b, c].entries()) {
      const hint = { externalId: `from-${c.id}-${i}`, phone: v1.attributes(one)['phone'] };
      const message = v1.ok(await v1.inbound(api, desk.id, { contact: hint }));
      expect(v1.at(v1.attributes(message), 'sender.id')).toBe(c.id);
      const { number } = v1.attributes(one);
      const party = await numbers.findParty(v1.uuid(api.organizationId), Number(number));
      expect(party).toEqual({ type: 'contact', id: v1.uuid(c.id) });
    }
    await source.destroy();
    const [{ n } = { n: 0 }] = await hub.sql<{ n: number }>(
      'SELECT count(*)::int AS n FROM contact WHERE deleted_at IS NULL AND id = ANY ($1)',
      [[a, b, c].map(({ id }) => v1.uuid(id))],
    );
    expect(n).toBe(1);
  });

  test("ends a secondary's token; the primary's reads what was theirs", async () => {
    const one = await v1.conversation(api);
    const secondary = v1.ok(await api.get(`/v1/contacts/${String(v1.at(one, 'attributes.contact.id'))}`));
    const primary = await v1.contact(api);
    const client = async ({ id }: Resource): Promise<ApiClient> =>
      hub.as(v1.ok(await api.post<{ token: string }>(`/v1/contacts/${id}/token`)).token);
    const [theirs, mine] = [await client(secondary), await client(primary)];
    expect((await theirs.get(`/v1/conversations/${one.id}`)).status).toBe(200);
    v1.expectError(await mine.get(`/v1/conversations/${one.id}`), 404, 'CONVERSATION_NOT_FOUND');
    v1.ok(await merge(primary, secondary));
    v1.expectError(await theirs.get(`/v1/conversations/${one.id}`), 401, 'TOKEN_REVOKED');
    expect((await mine.get(`/v1/conversations/${one.id}`)).status).toBe(200);
  });

  test('forgetting the primary forgets what was merged into it', async () => {
    const desk = await v1.channel(api);
    const secret = { name: 'Forget Me', phone: v1.newPhone(), email: v1.newEmail() };
    const secondary = v1.ok(await api.post('/v1/contacts', secret));
    const primary = await v1.contact(api, { name: 'Stays', email: v1.newEmail() });
    v1.ok(await merge(primary, secondary));
    expect((await api.delete(`/v1/contacts/${primary.id}`)).status).toBe(204);
    const rows = await hub.sql<{ row: string }>('SELECT k::text AS row FROM contact k WHERE id = $1', [
      v1.uuid(secondary.id),
    ]);
    for (const erased of Object.values(secret)) expect(rows[0]?.row).not.toContain(erased);
    const hint = { externalId: 'new-person', phone: secret.phone };
    const message = v1.ok(await v1.inbound(api, desk.id, { contact: hint }));
    expect([primary.id, secondary.id]).not.toContain(v1.at(v1.attributes(message), 'sender.id'));
  });

  test('refuses what cannot be merged, and changes nothing', async () => {
    const elsewhere = await hub.newOrganization('Elsewhere');
    const stranger = await v1.contact(elsewhere);
    const [ann, bob, merged, gone] = [
      await v1.contact(api),
      await v1.contact(api),
      await v1.contact(api),
      await v1.contact(api),
    ];
    v1.ok(await merge(await v1.contact(api), merged));
    await api.delete(`/v1/contacts/${gone.id}`);
    const before = await v1.checksum(hub);
    const unknown = 'contact_01h455vb4pex5vsknk084sn02q';
    for (const [primaryContactId, secondaryContactIds, status, field] of [
      [ann.id, [ann.id], 400, 'secondaryContactIds'],
      [ann.id, [bob.id, ann.id], 400, 'secondaryContactIds'],
      [ann.id, [], 400, 'secondaryContactIds'],
      [ann.id, Array.from({ length: 21 }, () => bob.id), 400, 'secondaryContactIds'],
      [ann.id, bob.id, 400, 'secondaryContactIds'],
      [7, [bob.id], 400, 'primaryContactId'],
      [unknown, [bob.id], 404, 'primaryContactId'],
      [stranger.id, [bob.id], 404, 'primaryContactId'],
      [merged.id, [bob.id], 404, 'primaryContactId'],
      ['x', [bob.id], 404, 'primaryContactId'],
      [ann.id, [bob.id, unknown], 404, 'secondaryContactIds.1'],
      [ann.id, [stranger.id], 404, 'secondaryContactIds.0'],
      [ann.id, [bob.id, merged.id], 404, 'secondaryContactIds.1'],
      [ann.id, [gone.id], 404, 'secondaryContactIds.0'],
      [ann.id, ['user_01h455vb4pex5vsknk084sn02q'], 404, 'secondaryContactIds.0'],
    ] as [unknown, unknown, number, string][]) {
      const answer = await api.post('/v1/contacts/merge', { primaryContactId, secondaryContactIds });
      v1.expectError(answer, status, status === 400 ? 'VALIDATION_ERROR' : 'CONTACT_NOT_FOUND', field);
    }
    v1.expectError(
      await (
        await hub.withScopes('contacts:read', 'conversations:write')
      ).post('/v1/contacts/merge', {
        primaryContactId: ann.id,
        secondaryContactIds: [bob.id],
      }),
      403,
      'INSUFFICIENT_PERMISSIONS',
    );
    expect(await v1.checksum(hub)).toEqual(before);
  });
});

describe('merging contacts in parallel', () => {
  test('of two opposite merges exactly one succeeds', async () => {
    for (let i = 0; i < 15; i++) {
      const [a, b] = [await v1.contact(api), await v1.contact(api)];
      await Promise.all([
        v1.conversation(api, { contact: undefined, contactId: a.id }),
        v1.conversation(api, { contact: undefined, contactId: b.id }),
      ]);
      const answers = await Promise.all([merge(a, b), merge(b, a)]);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 404]));
      const winner = answers[0]?.status === 200 ? a : b;
      expect(await conversationIds(winner.id)).toHaveLength(2);
    }
  });

  test('a merge that races with inbound messages and replies loses none: all end at the primary', async () => {
    const desk = await v1.channel(api);
    const other = await v1.channel(api);
    for (let i = 0; i < 8; i++) {
      const person = `racer-${i}`;
      const first = v1.attributes(v1.ok(await v1.inbound(api, desk.id, sentBy(person))));
      const conversationId = String(first['conversationId']);
      const secondary = { id: String(v1.at(first, 'sender.id')) } as Resource;
      const primary = await v1.contact(api);
      const twin = v1.ok(
        await v1.inbound(api, desk.id, {
          contact: { externalId: `twin-${i}`, phone: v1.attributes(primary)['phone'] },
        }),
      );
      expect(v1.at(v1.attributes(twin), 'sender.id')).toBe(primary.id);
      const token = v1.ok(await api.post<{ token: string }>(`/v1/contacts/${secondary.id}/token`)).token;
      const text = { content: { type: 'text', text: 'from the token' } };
      const [merged, ...rest] = await Promise.all([
        merge(primary, secondary),
        ...Array.from({ length: 6 }, (_, n) =>
          v1.inbound(
            api,
            n % 2 ? desk.id : other.id,
            sentBy(n % 2 ? person : `${person}-${n}`, { phone: v1.attributes(primary)['phone'] }),
          ),
        ),
        ...Array.from({ length: 4 }, () => v1.inbound(api, desk.id, sentBy(person))),
        hub.as(token).post(`/v1/conversations/${conversationId}/messages`, text),
        api.post(`/v1/conversations/${conversationId}/close`),
        api.post(`/v1/conversations/${conversationId}/reopen`),
      ]);
      expect(merged.status).toBe(200);
      expect(rest.slice(0, 10).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
      expect(
        rest
          .slice(10)
          .filter(({ status }) => status >= 500)
          .map(({ text: why }) => why),
      ).toEqual([]);
      const [state] = await hub.sql<{ strays: number; live: number; messages: number; written: number }>(
        `SELECT (SELECT count(*)::int FROM conversation WHERE contact_id = $1) AS strays,
           (SELECT count(*)::int FROM conversation WHERE contact_id = $2 AND channel_id = $3 AND status <> 'closed') AS live,
           (SELECT count(*)::int FROM message m JOIN conversation c USING (organization_id)
             WHERE c.id = m.conversation_id AND c.contact_id = $2 AND m.direction = 'inbound') AS messages,
           (SELECT count(*)::int FROM contact_identity WHERE contact_id = $1) AS written`,
        [v1.uuid(secondary.id), v1.uuid(primary.id), v1.uuid(desk.id)],
      );
      const byToken = rest[10]?.status === 201 ? 1 : 0;
      expect(state).toMatchObject({ strays: 0, messages: 12 + byToken, written: 0 });
      expect(state?.live).toBeLessThanOrEqual(1);
    }
    const [{ n } = { n: -1 }] = await hub.sql<{ n: number }>(
      `SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()`,
    );
    expect(n).toBe(0);
  });

  test('of many who create one person at once one succeeds, and the others are told who has the address', async () => {
    for (const field of ['email', 'phone', 'externalId'] as const) {
      const value = field === 'email' ? v1.newEmail() : field === 'phone' ? v1.newPhone() : `crm-${v1.next()}`;
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => api.post('/v1/contacts', { name: 'Same', [field]: value })),
      );
      const made = answers.filter(({ status }) => status === 201);
      expect(made).toHaveLength(1);
      for (const answer of answers.filter((one) => one.status !== 201)) {
        v1.expectError(answer, 409, 'RESOURCE_ALREADY_EXISTS', field);
        expect(answer.error?.details?.[0]?.message).toContain(made[0]?.data.id);
      }
    }
  });
});
