import type { Resource } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';

/** More messages than are read one by one, all of them later than what was written by hand. */
const LATER = 52_000;

describe('search in an inbox with very many messages', () => {
  let hub: Hub;
  let early: string;
  let late: string;

  const found = async (search: string): Promise<string[]> => {
    const answer = await hub.admin.get<Resource[]>(`/v1/conversations?search=${encodeURIComponent(search)}`);
    expect(answer.status).toBe(200);
    expect(v1.at(answer.meta, 'pagination.totalCount')).toBe(answer.data.length);
    return answer.data.map(({ id }) => id).sort();
  };

  beforeAll(async () => {
    hub = await startHub();
    early = (await v1.conversation(hub.admin)).id;
    late = (await v1.conversation(hub.admin)).id;
    await v1.say(hub.admin, early, 'the zebra is xq everywhere');
    await v1.say(hub.admin, late, 'the last one');
    await hub.sql(
      `INSERT INTO message (organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, text,
         status, sender, occurred_at)
       SELECT c.organization_id, ('ffffffff-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, c.id, c.channel_id, 100 + i,
         'inbound', 'text', '{"type":"text","text":"everywhere"}',
         CASE WHEN i % 1000 = 0 THEN 'everywhere, and a giraffe' ELSE 'everywhere' END, 'sent',
         '{"type":"contact","id":null,"name":"Ann"}', now()
       FROM conversation c, generate_series(1, ${LATER}) i WHERE c.id = $1`,
      [v1.uuid(late)],
    );
  }, 120_000);
  afterAll(() => hub.stop());

  it('finds what is rare, however long ago it was written', async () => {
    expect(await found('ZEBRA')).toEqual([early]);
    expect(await found('giraffe')).toEqual([late]);
  });

  it('looks for what is very common among the latest only', async () => {
    expect(await found('everywhere')).toEqual([late]);
  });

  it('looks for fewer than three letters among the latest only', async () => {
    expect(await found('xq')).toEqual([]);
    expect(await found('gi')).toEqual([late]);
    expect(await found(', ')).toEqual([late]);
  });

  it('lists messages in the same way, and all of a conversation that is named', async () => {
    const texts = async (query: string): Promise<unknown[]> =>
      v1
        .ok(await hub.admin.get<Resource[]>(`/v1/messages?${query}`))
        .map((one) => v1.at(v1.attributes(one), 'content.text'));
    const zebra = 'the zebra is xq everywhere';
    expect(await texts('search=ZEBRA')).toEqual([zebra]);
    expect(await texts('search=xq')).toEqual([]);
    expect(await texts('limit=100&search=everywhere')).not.toContain(zebra);
    expect(await texts(`search=xq&conversationId=${early}`)).toEqual([zebra]);
    expect(await texts(`search=everywhere&conversationId=${early}`)).toEqual([zebra]);
  });

  it('finds every contact by any part of the name, as there are few', async () => {
    const contact = await v1.contact(hub.admin, { name: 'Ola Xq' });
    const { id } = await v1.conversation(hub.admin, { contactId: contact.id });
    expect(await found('xq')).toEqual([id]);
    expect(await found('a X')).toEqual([id]);
  });
});

describe('search among very many contacts and tickets', () => {
  let hub: Hub;
  let early: Resource;
  let ticket: Resource;

  const found = async (path: string, search: string): Promise<{ ids: string[]; total: unknown }> => {
    const answer = await hub.admin.get<Resource[]>(`/v1/${path}?search=${encodeURIComponent(search)}`);
    return { ids: v1.ok(answer).map(({ id }) => id), total: v1.at(answer.meta, 'pagination.totalCount') };
  };
  const only = ({ id }: Resource): { ids: string[]; total: number } => ({ ids: [id], total: 1 });

  beforeAll(async () => {
    hub = await startHub();
    early = await v1.contact(hub.admin, {
      name: 'Zoe Xq Person',
      email: 'zoe@giraffe.example',
      phone: '+5511988887777',
    });
    ticket = v1.ok(
      await hub.admin.post('/v1/tickets', { subject: 'Zebra xq everywhere', contactId: early.id }),
    ) as Resource;
    await hub.sql(
      `INSERT INTO contact (organization_id, id, name)
       SELECT organization_id, ('ffffffff-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'Person'
       FROM contact, generate_series(1, ${LATER}) i WHERE id = $1`,
      [v1.uuid(early.id)],
    );
    await hub.sql(
      `INSERT INTO ticket (organization_id, id, subject, contact_id)
       SELECT organization_id, ('ffffffff-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'everywhere', contact_id
       FROM ticket, generate_series(1, ${LATER}) i WHERE id = $1`,
      [v1.uuid(ticket.id)],
    );
  }, 120_000);
  afterAll(() => hub.stop());

  it('finds what is rare by any of the words, however old it is', async () => {
    for (const word of ['ZOE', 'giraffe', '8888777']) expect(await found('contacts', word)).toEqual(only(early));
    expect(await found('tickets', 'ZEBRA')).toEqual(only(ticket));
  });

  it('looks for what is very common or short among the latest only', async () => {
    expect((await found('contacts', 'person')).total).toBe(50_000);
    expect(await found('contacts', 'xq')).toEqual({ ids: [], total: 0 });
    expect((await found('tickets', 'everywhere')).total).toBe(50_000);
    expect(await found('tickets', 'xq')).toEqual({ ids: [], total: 0 });
  });
});
