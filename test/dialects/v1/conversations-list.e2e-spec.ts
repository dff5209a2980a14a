import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

type List = Answer<Resource[]>;

let hub: Hub;
let api: ApiClient;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
});
afterAll(() => hub.stop());

describe.each(v1.BASES)('GET %s/conversations', (base) => {
  /** Conversations by the names that the tests call them. */
  const ids = new Map<string, string>();
  const filters = new Map<string, string>();
  let client: ApiClient;

  const list = (query = ''): Promise<List> => client.get<Resource[]>(`${base}/conversations${query}`);
  const names = (answer: List): string[] => {
    expect(answer.status).toBe(200);
    return answer.data.map(({ id }) => [...ids].find(([, known]) => known === id)?.[0] ?? id);
  };
  const filter = (name: string): string => encodeURIComponent(filters.get(name) ?? '');

  beforeAll(async () => {
    client = await hub.newOrganization(`Lists of ${base}`);
    const desk = await v1.channel(client, { name: 'Desk' });
    const web = await v1.channel(client, { name: 'Web', type: 'webchat' });
    const agent = await v1.user(client);
    const helper = await v1.bot(client);
    const greeter = await v1.bot(client, { name: 'Greeter' });
    const open = async (name: string, channelId: string, person: string, more: v1.Json = {}): Promise<string> => {
      const who = await v1.contact(client, { name: person });
      filters.set(`contact of ${name}`, who.id);
      const made = await v1.conversation(client, { channelId, contactId: who.id, ...more });
      ids.set(name, made.id);
      return made.id;
    };
    await open('alice', desk.id, 'Alice Adams', { assigneeId: agent.id });
    const bob = await open('bob', desk.id, 'Bob 100%_Brown', { assigneeId: helper.id });
    const carol = await open('carol', web.id, 'Carol Clark', { botId: greeter.id });
    const dave = await open('dave', web.id, 'Dave Davis');
    await open('erin', web.id, "Erin O'Neil; DROP TABLE conversation;--");
    await v1.say(client, bob, 'The parcel is LOST');
    await v1.say(client, dave, 'parcels and a 50% discount');
    v1.ok(await client.patch(`/v1/conversations/${carol}`, { status: 'pending' }));
    v1.ok(await client.post(`/v1/conversations/${dave}/close`));
    await client.post(`/v1/conversations/${ids.get('erin')}/snooze`, { until: '2999-01-01T00:00:00Z' });
    const times: [string, string, string, string | null][] = [
      ['alice', '2024-01-01T10:00:00Z', '2024-02-05T10:00:00Z', null],
      ['bob', '2024-01-02T10:00:00Z', '2024-02-04T10:00:00Z', '2024-03-01T10:00:00Z'],
      ['carol', '2024-01-03T23:59:59.999Z', '2024-02-03T10:00:00Z', null],
      ['dave', '2024-01-04T00:00:00Z', '2024-02-02T10:00:00Z', '2024-03-02T10:00:00Z'],
      ['erin', '2024-01-05T10:00:00Z', '2024-02-01T10:00:00Z', null],
    ];
    for (const [name, created, updated, lastMessage] of times) {
      await hub.sql('UPDATE conversation SET created_at = $2, updated_at = $3, last_message_at = $4 WHERE id = $1', [
        v1.uuid(ids.get(name) ?? ''),
        created,
        updated,
        lastMessage,
      ]);
    }
    for (const [name, id] of Object.entries({ desk, web, agent, helper, greeter }).map(
      ([n, r]) => [n, r.id] as const,
    )) {
      filters.set(name, id);
    }
  });

  test('S3-1 lists everything, the last changed first, 20 a page, without parameters', async () => {
    const answer = await list();
    expect(names(answer)).toEqual(['alice', 'bob', 'carol', 'dave', 'erin']);
    expect(answer.meta).toEqual({
      requestId: answer.headers.get('x-request-id'),
      pagination: { page: 1, perPage: 20, totalPages: 1, totalCount: 5, hasNextPage: false, hasPrevPage: false },
    });
  });

  test.each([
    ['status=open', ['alice', 'bob']],
    ['status=pending', ['carol']],
    ['status=snoozed', ['erin']],
    ['status=closed', ['dave']],
    ['channelId=:desk', ['alice', 'bob']],
    ['channelId=:web', ['carol', 'dave', 'erin']],
    ['channelType=api', ['alice', 'bob']],
    ['channelType=webchat', ['carol', 'dave', 'erin']],
    ['channelType=whatsapp', []],
    ['assigneeId=:agent', ['alice']],
    ['assigneeId=:helper', ['bob']],
    ['assigneeId=:greeter', []],
    ['botId=:greeter', ['carol']],
    ['botId=:helper', ['bob']],
    ['contactId=:contact of erin', ['erin']],
    ['startDate=2024-01-04T00:00:00Z', ['dave', 'erin']],
    ['startDate=2024-01-04', ['dave', 'erin']],
    ['startDate=2024-01-04T02:00:00%2B02:00', ['dave', 'erin']],
    ['endDate=2024-01-02T10:00:00Z', ['alice', 'bob']],
    ['endDate=2024-01-03', ['alice', 'bob', 'carol']],
    ['startDate=2024-01-02&endDate=2024-01-03', ['bob', 'carol']],
    ['startDate=2024-02-01&endDate=2024-01-01', []],
    ['search=alice', ['alice']],
    ['search=ADAMS', ['alice']],
    ['search=lost', ['bob']],
    ['search=parcel', ['bob', 'dave']],
    ['search=100%25_', ['bob']],
    ['search=50%25', ['dave']],
    ['search=_', ['bob']],
    ['search=%25', ['bob', 'dave']],
    [`search=${encodeURIComponent("O'Neil; DROP")}`, ['erin']],
    ['search=%5C', []],
    ['search=nobody', []],
    ['status=open&channelType=api&assigneeId=:agent&search=alice', ['alice']],
    ['status=closed&search=alice', []],
  ])('S3-1 filters by ?%s', async (query, expected) => {
    const filled = query.replace(/:([a-z][a-z ]*)/g, (_, name: string) => filter(name));
    const answer = await list(`?${filled}`);
    expect(names(answer)).toEqual(expected);
    expect(v1.at(answer.meta, 'pagination.totalCount')).toBe(expected.length);
  });

  test.each([
    ['sortBy=updatedAt', ['alice', 'bob', 'carol', 'dave', 'erin']],
    ['sortBy=updatedAt&sortOrder=asc', ['erin', 'dave', 'carol', 'bob', 'alice']],
    ['sortOrder=asc', ['erin', 'dave', 'carol', 'bob', 'alice']],
    ['sortBy=createdAt', ['erin', 'dave', 'carol', 'bob', 'alice']],
    ['sortBy=createdAt&sortOrder=desc', ['erin', 'dave', 'carol', 'bob', 'alice']],
    ['sortBy=createdAt&sortOrder=asc', ['alice', 'bob', 'carol', 'dave', 'erin']],
  ])('S3-1 sorts by ?%s', async (query, expected) => {
    expect(names(await list(`?${query}`))).toEqual(expected);
  });

  test('S3-1 sorts by lastMessageAt, conversations without a message at the old end', async () => {
    const newestFirst = names(await list('?sortBy=lastMessageAt'));
    expect(newestFirst.slice(0, 2)).toEqual(['dave', 'bob']);
    expect(names(await list('?sortBy=lastMessageAt&sortOrder=asc'))).toEqual([...newestFirst].reverse());
  });

  test('S3-1 pages: every conversation once, with exact totals', async () => {
    const seen: string[] = [];
    for (const page of [1, 2, 3]) {
      const answer = await list(`?perPage=2&page=${page}`);
      seen.push(...names(answer));
      expect(answer.meta['pagination']).toEqual({
        page,
        perPage: 2,
        totalPages: 3,
        totalCount: 5,
        hasNextPage: page < 3,
        hasPrevPage: page > 1,
      });
    }
    expect(seen).toEqual(['alice', 'bob', 'carol', 'dave', 'erin']);
  });

  test('S3-1 pages stay apart where the sort values are equal', async () => {
    const twin = await hub.newOrganization('Equal times');
    const channelId = (await v1.channel(twin)).id;
    for (let i = 0; i < 7; i++) await v1.conversation(twin, { channelId });
    await hub.sql(
      `UPDATE conversation SET updated_at = '2024-01-01', created_at = '2024-01-01' WHERE organization_id = $1`,
      [v1.uuid(twin.organizationId)],
    );
    for (const sort of ['sortBy=updatedAt', 'sortBy=createdAt&sortOrder=asc', 'sortBy=lastMessageAt']) {
      const seen: string[] = [];
      for (const page of [1, 2, 3, 4]) {
        const { data } = await twin.get<Resource[]>(`${base}/conversations?perPage=2&page=${page}&${sort}`);
        seen.push(...data.map(({ id }) => id));
      }
      expect([sort, new Set(seen).size, seen.length]).toEqual([sort, 7, 7]);
    }
  });

  test('S3-1 a page beyond the last is empty and still tells the totals', async () => {
    const answer = await list('?page=9&perPage=2');
    expect(answer.data).toEqual([]);
    expect(answer.meta['pagination']).toEqual({
      page: 9,
      perPage: 2,
      totalPages: 3,
      totalCount: 5,
      hasNextPage: false,
      hasPrevPage: true,
    });
  });

  test('S3-1 takes perPage up to 100 and an organization without conversations', async () => {
    expect(v1.at((await list('?perPage=100')).meta, 'pagination.perPage')).toBe(100);
    const empty = await (await hub.newOrganization('Empty')).get<Resource[]>(`${base}/conversations`);
    expect(empty.data).toEqual([]);
    expect(v1.at(empty.meta, 'pagination')).toMatchObject({ totalPages: 0, totalCount: 0, hasNextPage: false });
  });

  test.each([
    ['page=0', 'page'],
    ['page=-1', 'page'],
    ['page=1.5', 'page'],
    ['page=x', 'page'],
    ['page=5002', 'page'],
    ['page=1002&perPage=100', 'page'],
    ['page=', 'page'],
    ['perPage=0', 'perPage'],
    ['perPage=101', 'perPage'],
    ['status=archived', 'status'],
    ['status=OPEN', 'status'],
    ['status=', 'status'],
    ['channelType=pigeon', 'channelType'],
    ['channelId=42', 'channelId'],
    ['channelId=', 'channelId'],
    ['assigneeId=conv_01h455vb4pex5vsknk084sn02q', 'assigneeId'],
    ['assigneeId=', 'assigneeId'],
    ['contactId=contact_xyz', 'contactId'],
    ['contactId=', 'contactId'],
    ['botId=user_01h455vb4pex5vsknk084sn02q', 'botId'],
    ['botId=', 'botId'],
    ['startDate=yesterday', 'startDate'],
    ['startDate=2026-02-30', 'startDate'],
    ['endDate=99999-01-01', 'endDate'],
    ['endDate=', 'endDate'],
    ['search=', 'search'],
    ['sortBy=name', 'sortBy'],
    ['sortBy=updated_at', 'sortBy'],
    ['sortOrder=up', 'sortOrder'],
  ])('S3-1 refuses ?%s and names the field', async (query, field) => {
    v1.expectError(await list(`?${query}`), 400, 'VALIDATION_ERROR', field);
  });

  test('S3-1 a well-formed id that nobody has gives an empty list', async () => {
    for (const query of [
      'channelId=ch_01h455vb4pex5vsknk084sn02q',
      'assigneeId=user_01h455vb4pex5vsknk084sn02q',
      'contactId=contact_01h455vb4pex5vsknk084sn02q',
      'botId=bot_01h455vb4pex5vsknk084sn02q',
    ]) {
      expect(names(await list(`?${query}`))).toEqual([]);
    }
  });

  test('S3-1 shows nothing of another organization, whatever the filter', async () => {
    const stranger = await hub.newOrganization('Stranger');
    for (const query of ['', '?search=a', `?channelId=${filters.get('desk')}`, `?assigneeId=${filters.get('agent')}`]) {
      expect((await stranger.get<Resource[]>(`${base}/conversations${query}`)).data).toEqual([]);
    }
  });
});

describe.each(v1.BASES)('the items of %s/conversations', (base) => {
  const EXAMPLE = {
    id: 'conv_abc123',
    type: 'conversation',
    attributes: {
      status: 'open',
      channel: { id: 'ch_xyz789', type: 'whatsapp', name: 'WhatsApp Business' },
      contact: {
        id: 'contact_123',
        name: 'John Doe',
        phone: '+5511999999999',
        avatar: 'https://cdn.linktor.io/avatars/contact_123.jpg',
      },
      assignee: { id: 'user_456', type: 'user', name: 'Support Agent' },
      lastMessage: {
        id: 'msg_789',
        content: { type: 'text', text: 'Thanks for your help!' },
        direction: 'inbound',
        timestamp: '2024-01-15T10:35:00Z',
      },
      unreadCount: 2,
      messageCount: 15,
      metadata: { source: 'website', campaign: 'winter_sale' },
      createdAt: '2024-01-15T10:00:00Z',
      updatedAt: '2024-01-15T10:35:00Z',
    },
  };

  test('S3-10 are the seed’s example, field by field', async () => {
    const client = await hub.newOrganization(`Items of ${base}`);
    const desk = await v1.channel(client, { name: 'WhatsApp Business' });
    const { contact } = EXAMPLE.attributes;
    const john = await v1.contact(client, {
      name: contact.name,
      phone: contact.phone,
      avatar: contact.avatar,
      metadata: { tier: 'premium' },
    });
    const agent = await v1.user(client);
    const { id } = await v1.conversation(client, {
      channelId: desk.id,
      contactId: john.id,
      assigneeId: agent.id,
      metadata: EXAMPLE.attributes.metadata,
    });
    for (let i = 0; i < 13; i++) await v1.say(client, id, `Reply ${i}`);
    const from = { contact: { externalId: 'john', phone: contact.phone } };
    v1.ok(await v1.inbound(client, desk.id, from));
    const occurredAt = new Date(Date.now() + 60_000).toISOString(); // their clock may be ahead of ours by a little
    const content = { type: 'text', text: 'Thanks for your help!' };
    const last = v1.ok(await v1.inbound(client, desk.id, { ...from, content, occurredAt }));
    await hub.sql(`UPDATE channel SET type = 'whatsapp' WHERE id = $1`, [v1.uuid(desk.id)]);
    const answer = await client.get<Resource[]>(`${base}/conversations?status=open&channelType=whatsapp&perPage=50`);
    expect(v1.golden(answer.data)).toMatchObject([v1.golden(EXAMPLE) as object]);
    expect(answer.data[0]).toMatchObject({
      id,
      attributes: {
        channel: { id: desk.id },
        contact: { id: john.id },
        assignee: { id: agent.id },
        lastMessage: { id: last.id, timestamp: occurredAt },
      },
    });
    expect(v1.at(answer.data[0], 'attributes.contact')).not.toHaveProperty('metadata');
    expect(v1.at(answer.meta, 'pagination')).toMatchObject({ page: 1, perPage: 50, totalPages: 1, totalCount: 1 });
  });

  test('S3-10 without assignee, bot and message these are null, the counters 0', async () => {
    const made = await v1.conversation(api);
    const { data } = await api.get<Resource[]>(
      `${base}/conversations?contactId=${String(v1.at(made, 'attributes.contact.id'))}`,
    );
    expect(data).toHaveLength(1);
    expect(data[0]?.attributes).toMatchObject({
      assignee: null,
      bot: null,
      lastMessage: null,
      unreadCount: 0,
      messageCount: 0,
      metadata: {},
      tags: [],
    });
  });
});
