import type { Resource } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';
import { expectRefused, newPhone, numberOf, Pact, whatsapp, type PactConversation } from './pact-fixtures.js';

const NO_AVATAR = '/avatars/original/missing.png';

describe('Pact conversations', () => {
  let hub: Hub;
  let pact: Pact;
  let channel: Resource;

  beforeAll(async () => {
    hub = await startHub();
    pact = await Pact.of(hub, hub.admin);
    channel = await whatsapp(hub.admin);
  });
  afterAll(() => hub.stop());

  /** An organization of its own, with a WhatsApp channel. */
  async function fresh(): Promise<{ pact: Pact; api: Hub['admin'] }> {
    const api = await hub.newOrganization('Fresh');
    await whatsapp(api);
    return { api, pact: await Pact.of(hub, api) };
  }

  async function pages(client: Pact, query: string): Promise<PactConversation[][]> {
    const found: PactConversation[][] = [];
    for (let from = ''; ;) {
      const { data } = await client.list(`${query}${from && `&from=${from}`}`);
      found.push(data.conversations);
      if (data.next_page === null) return found;
      expect(data.next_page.length).toBeLessThanOrEqual(255);
      from = data.next_page;
    }
  }

  const ids = (some: readonly PactConversation[]): number[] => some.map((one) => one.external_id);

  it('S4-2 gives the answer of the documentation to its form, field by field', async () => {
    const { answer, events } = await v1.told(hub, () => pact.create('79250000001'));
    const { created_at } = answer.data.conversation;
    expect([answer.http, JSON.parse(answer.text)]).toEqual([
      200,
      {
        status: 'ok',
        data: {
          conversation: {
            external_id: expect.any(Number) as number,
            name: '79250000001',
            channel_id: numberOf(channel),
            channel_type: 'whatsapp',
            created_at,
            created_at_timestamp: Math.floor(Date.parse(created_at) / 1000),
            avatar: NO_AVATAR,
            sender_external_id: '79250000001',
            meta: {},
          },
        },
      },
    ]);
    expect(created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(events.map((event) => event.type)).toEqual(['contact.created', 'conversation.created']);
  });

  it('S4-2 causes the events that opening natively causes', async () => {
    const mine = await v1.told(hub, () => pact.create(newPhone()));
    const native = await v1.told(hub, () =>
      hub.admin.post('/v1/conversations', { channelId: channel.id, contact: { phone: `+${newPhone()}` } }),
    );
    const shape = (events: v1.StoredEvent[]) =>
      JSON.stringify(events.map(({ type, body }) => [type, v1.golden(body)])).replace(/\d+/g, '#');
    expect(shape(mine.events)).toBe(shape(native.events));
  });

  it('S4-2 gives back the conversation that is there, and tells nothing', async () => {
    const phone = newPhone();
    const first = await pact.create(phone);
    const { answer, events } = await v1.told(hub, () => pact.create(phone));
    expect(answer.data).toEqual(first.data);
    expect(events).toEqual([]);
  });

  it('S4-2 reopens a closed conversation of the phone', async () => {
    const contact = await v1.contact(hub.admin, { name: 'Friend', phone: `+${newPhone()}` });
    const phone = String((contact.attributes as v1.Json)['phone']).slice(1);
    const { data } = await pact.create(phone);
    const { external_id: id } = data.conversation;
    const [row] = await hub.sql<{ id: string }>('SELECT id FROM conversation WHERE number = $1', [id]);
    await hub.sql(`UPDATE conversation SET status = 'closed', closed_at = now() - interval '9 days' WHERE id = $1`, [
      row?.id,
    ]);
    const { answer, events } = await v1.told(hub, () => pact.create(phone));
    expect([answer.data.conversation.external_id, answer.data.conversation.name]).toEqual([id, 'Friend']);
    expect(events.map((event) => event.type)).toEqual(['conversation.reopened']);
  });

  it('S4-2 leaves a snoozed conversation snoozed', async () => {
    const phone = newPhone();
    const { external_id: id } = (await pact.create(phone)).data.conversation;
    const until = `status = 'snoozed', snoozed_until = now() + interval '1 day'`;
    await hub.sql(`UPDATE conversation SET ${until} WHERE number = $1`, [id]);
    const { answer, events } = await v1.told(hub, () => pact.create(phone));
    expect([answer.data.conversation.external_id, events]).toEqual([id, []]);
  });

  it('S4-2 makes one conversation of parallel calls, new or closed', async () => {
    const phone = newPhone();
    const all = () => Promise.all(Array.from({ length: 12 }, () => pact.create(phone)));
    const first = await all();
    expect(new Set(first.map((answer) => `${answer.http} ${answer.data.conversation.external_id}`)).size).toBe(1);
    const id = first[0]?.data.conversation.external_id;
    await hub.sql(`UPDATE conversation SET status = 'closed', closed_at = now() WHERE number = $1`, [id]);
    const { answer: again, events } = await v1.told(hub, all);
    expect(new Set(again.map((answer) => answer.data.conversation.external_id))).toEqual(new Set([id]));
    expect(events.map((event) => event.type)).toEqual(['conversation.reopened']);
  });

  it('S4-2 takes the oldest active WhatsApp channel, else the oldest; without one there is no conversation', async () => {
    const api = await hub.newOrganization('Three channels');
    const client = await Pact.of(hub, api);
    await v1.channel(api);
    expectRefused(await client.create(newPhone()), 404, 'CHANNEL_NOT_FOUND');
    const [oldest, active] = [await whatsapp(api), await whatsapp(api), await whatsapp(api)];
    const channelOf = async () => (await client.create(newPhone())).data.conversation.channel_id;
    expect(await channelOf()).toBe(numberOf(oldest));
    await hub.sql(`UPDATE channel SET status = 'active' WHERE id = $1`, [v1.uuid(active.id)]);
    expect(await channelOf()).toBe(numberOf(active));
    await hub.sql('UPDATE channel SET deleted_at = now() WHERE id = ANY ($1)', [
      [oldest, active].map((c) => v1.uuid(c.id)),
    ]);
    expect([numberOf(oldest), numberOf(active)]).not.toContain(await channelOf());
  });

  it('S4-3 gives a conversation as it was created', async () => {
    const created = await pact.create(newPhone());
    const { external_id: id } = created.data.conversation;
    const { answer, events } = await v1.told(hub, () => pact.one(id));
    expect([answer.http, answer.data, events]).toEqual([200, created.data, []]);
  });

  it('S4-1 lists what the documentation shows, and null on the last page', async () => {
    const { pact: own, api } = await fresh();
    await v1.contact(api, { name: 'Friend', phone: '+79260000001' });
    const { conversation } = (await own.create('79260000001')).data;
    const { http, text } = await own.list();
    expect([http, JSON.parse(text)]).toEqual([
      200,
      { status: 'ok', data: { conversations: [conversation], next_page: null } },
    ]);
    expect(conversation).toMatchObject({
      name: 'Friend',
      sender_external_id: '79260000001',
      avatar: NO_AVATAR,
      meta: {},
    });
  });

  it('S4-1 goes through all conversations in both directions, page by page', async () => {
    const { pact: own } = await fresh();
    const made: number[] = [];
    for (let i = 0; i < 7; i++) made.push((await own.create(newPhone())).data.conversation.external_id);
    await hub.sql(`UPDATE conversation SET status = 'closed', closed_at = now() WHERE number = $1`, [made[3]]);
    expect((await pages(own, 'per=3')).map(ids)).toEqual([made.slice(0, 3), made.slice(3, 6), made.slice(6)]);
    const down = made.slice().reverse();
    expect((await pages(own, 'per=4&sort_direction=desc')).map(ids)).toEqual([down.slice(0, 4), down.slice(4)]);
    expect((await pages(own, 'per=7')).map(ids)).toEqual([made]);
    expect((await pages(own, 'per=100&sort_direction=asc')).map(ids)).toEqual([made]);
    const { next_page } = (await own.list('per=2&sort_direction=desc')).data;
    expect(ids((await own.list(`per=2&from=${next_page}`)).data.conversations)).toEqual(down.slice(2, 4));
    const late = (await own.create(newPhone())).data.conversation.external_id;
    expect(ids((await own.list(`per=2&from=${next_page}`)).data.conversations)).not.toContain(late);
  });

  it.each([
    ['empty', ''],
    ['of nobody', 'fslkfg2lkdfmlwkmlmw4of94wg34lfkm34lg'],
    ['too long', 'x'.repeat(256)],
    ['not text', '%00%F0%9F'],
    ['an emoji', encodeURIComponent('🙂')],
    ['a list', 'a&from=b'],
    ['of the other direction', Buffer.from('["desc",1]').toString('base64url') + '&sort_direction=asc'],
    ['of no direction', Buffer.from('["up",999999]').toString('base64url')],
    ['of no number', Buffer.from('["asc","x"]').toString('base64url')],
  ])('S4-1 takes a token that is %s for the first page', async (_, from) => {
    const first = await pact.list('per=2');
    const { http, data } = await pact.list(`per=2&from=${from}`);
    expect([http, data.conversations]).toEqual([200, first.data.conversations]);
  });

  it('S4-5 S4-6 shows every conversation, of whatever channel and with whomever', async () => {
    const { pact: own, api } = await fresh();
    const desk = await v1.channel(api);
    await v1.inbound(api, desk.id, { contact: { externalId: 'ada-7', name: 'Ada' } });
    const byMail = await v1.contact(api, {
      name: null,
      phone: null,
      email: 'grace@example.com',
      avatar: 'https://a.example/g.png',
    });
    await v1.conversation(api, { channelId: desk.id, contactId: byMail.id, metadata: { order: 7 } });
    const nobody = await v1.contact(api, { name: null, phone: null, externalId: 'crm-1' });
    await v1.conversation(api, { channelId: desk.id, contactId: nobody.id });
    const alone = await v1.conversation(api, { channelId: desk.id, subject: 'Among us' });
    await hub.sql('UPDATE conversation SET contact_id = NULL WHERE id = $1', [v1.uuid(alone.id)]);
    const { conversations } = (await own.list()).data;
    const brief = conversations.map(({ name, sender_external_id, avatar, meta }) => [
      name,
      sender_external_id,
      avatar,
      meta,
    ]);
    expect(brief).toEqual([
      ['Ada', 'ada-7', NO_AVATAR, {}],
      ['grace@example.com', 'grace@example.com', 'https://a.example/g.png', { order: 7 }],
      ['crm-1', 'crm-1', NO_AVATAR, {}],
      ['Among us', '', NO_AVATAR, {}],
    ]);
    expect(new Set(conversations.map((one) => one.channel_type))).toEqual(new Set(['api']));
  });

  it('S4-7 knows no close, no participants and no messages', async () => {
    for (const below of ['/1/close', '/1/participants', '/1/messages']) {
      const response = await fetch(`${hub.url}${pact.at}${below}`, {
        headers: { 'x-private-api-token': hub.admin.key },
      });
      expect([response.status, ((await response.json()) as { status: string }).status]).toEqual([404, 'error']);
    }
  });

  describe('S4-4 assign', () => {
    let id: number;
    let conversationId: string;

    beforeEach(async () => {
      id = (await pact.create(newPhone())).data.conversation.external_id;
      const [row] = await hub.sql<{ id: string }>('SELECT id FROM conversation WHERE number = $1', [id]);
      conversationId = row?.id ?? '';
    });

    const assignee = async (): Promise<string | null> => {
      const text = 'SELECT assignee_id AS id FROM conversation WHERE id = $1';
      return (await hub.sql<{ id: string | null }>(text, [conversationId]))[0]?.id ?? null;
    };

    it('gives the conversation to a user or a bot, as the native API would', async () => {
      for (const party of [await v1.user(hub.admin), await v1.bot(hub.admin)]) {
        const { answer, events } = await v1.told(hub, () => pact.assign(id, `assignee_id=${numberOf(party)}`));
        expect([answer.http, JSON.parse(answer.text)]).toEqual([
          200,
          { status: 'ok', data: { conversation: { external_id: id } } },
        ]);
        expect(events.map((event) => event.type)).toEqual(['conversation.assigned']);
        expect(await assignee()).toBe(v1.uuid(party.id));
        const again = await v1.told(hub, () => pact.assign(id, `assignee_id=${numberOf(party)}`));
        expect([again.answer.http, again.events]).toEqual([200, []]);
      }
    });

    it.each([
      ['no body', {}],
      ['an empty form', { form: '' }],
      ['an empty field', { form: 'assignee_id=' }],
      ['null', { json: { assignee_id: null } }],
      ['an empty object', { json: {} }],
    ])('takes it from whoever has it with %s', async (_, call) => {
      const user = await v1.user(hub.admin);
      await pact.assign(id, `assignee_id=${numberOf(user)}`);
      const { answer, events } = await v1.told(hub, () => pact.call('PUT', `/${id}/assign`, call));
      expect([answer.http, answer.data, await assignee()]).toEqual([200, { conversation: { external_id: id } }, null]);
      expect(events.map((event) => event.type)).toEqual(['conversation.unassigned']);
      expect((await v1.told(hub, () => pact.call('PUT', `/${id}/assign`, call))).events).toEqual([]);
    });

    it('finds nobody under the number of a contact, of nobody, or of somebody else’s user', async () => {
      const other = await v1.user(await hub.newOrganization('Other'));
      const contact = await v1.contact(hub.admin);
      const before = await v1.checksum(hub);
      for (const number of [numberOf(contact), numberOf(other), 999_999_999]) {
        expectRefused(await pact.assign(id, `assignee_id=${number}`), 404, 'USER_NOT_FOUND', 'assignee_id');
      }
      expect(await v1.checksum(hub)).toEqual(before);
    });

    it('refuses a suspended user, and a closed conversation, and changes nothing', async () => {
      const [user, suspended] = [await v1.user(hub.admin), await v1.user(hub.admin)];
      await hub.admin.patch(`/v1/users/${suspended.id}`, { status: 'suspended' });
      expectRefused(await pact.assign(id, `assignee_id=${numberOf(suspended)}`), 422, 'ASSIGNEE_UNAVAILABLE');
      await pact.assign(id, `assignee_id=${numberOf(user)}`);
      await hub.sql(`UPDATE conversation SET status = 'closed', closed_at = now() WHERE id = $1`, [conversationId]);
      const before = await v1.checksum(hub);
      expectRefused(await pact.assign(id, `assignee_id=${numberOf(user)}`), 409, 'CONVERSATION_CLOSED');
      expectRefused(await pact.assign(id), 409, 'CONVERSATION_CLOSED');
      expect(await v1.checksum(hub)).toEqual(before);
    });
  });
});
