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

describe.each(v1.BASES)('tickets at %s', (base) => {
  const open = (fields: v1.Json): Promise<Answer> => api.post(`${base}/tickets`, fields);
  const patch = (id: string, fields: v1.Json): Promise<Answer> => api.patch(`${base}/tickets/${id}`, fields);
  const list = async (query: string): Promise<string[]> =>
    (await api.get<Resource[]>(`${base}/tickets?${query}`)).data.map(({ id }) => id);

  it('opens one with its contact and staff, and tells it', async () => {
    const contact = await v1.contact(api, { name: 'Ann' });
    const staff = await v1.user(api, { name: 'Sam' });
    const { answer, events } = await v1.told(hub, () =>
      open({ subject: 'Lamp', contactId: contact.id, staffId: staff.id, priority: 'high', metadata: { a: 1 } }),
    );
    expect(answer.status).toBe(201);
    expect(v1.attributes(answer)).toMatchObject({
      number: expect.any(Number) as unknown,
      subject: 'Lamp',
      status: 'open',
      priority: 'high',
      contact: { id: contact.id, name: 'Ann', number: v1.attributes(contact)['number'] },
      staff: { id: staff.id, name: 'Sam', number: v1.attributes(staff)['number'] },
      metadata: { a: 1 },
      closedAt: null,
    });
    expect(events.map(({ type }) => type)).toEqual(['ticket.created']);
    expect(v1.at(events[0]?.body, 'data')).toEqual(JSON.parse(JSON.stringify(answer.data)));
    expect((await api.get(`${base}/tickets/${answer.data.id}`)).data).toEqual(answer.data);
    const audit = await api.get<Resource[]>(`/v1/audit?subjectId=${answer.data.id}`);
    expect(audit.data.map(({ attributes }) => attributes['action'])).toEqual(['ticket.created']);
  });

  it('changes it, tells each changed field, and nothing when nothing changed', async () => {
    const one = await v1.user(api, { name: 'One' });
    const ticket = await v1.ticket(api, { staffId: one.id, metadata: { keep: 1, drop: 2 } });
    const { answer, events } = await v1.told(hub, () =>
      patch(ticket.id, { subject: 'New', staffId: null, priority: 'urgent', metadata: { drop: null } }),
    );
    expect(v1.attributes(answer)).toMatchObject({ subject: 'New', staff: null, metadata: { keep: 1 } });
    expect(events.map(({ type }) => type)).toEqual(['ticket.updated']);
    expect(v1.at(events[0]?.body, 'meta.changes')).toEqual({
      subject: { before: 'Broken lamp', after: 'New' },
      staff: { before: { id: one.id, number: v1.attributes(one)['number'], name: 'One' }, after: null },
      priority: { before: 'normal', after: 'urgent' },
      metadata: { before: { keep: 1, drop: 2 }, after: { keep: 1 } },
    });
    const again = await v1.told(hub, () => patch(ticket.id, { subject: 'New', staffId: null }));
    expect(again.events).toEqual([]);
    expect(v1.attributes(again.answer)['updatedAt']).toBe(v1.attributes(answer)['updatedAt']);
  });

  it('closing sets closedAt, and another status takes it away', async () => {
    const { id } = await v1.ticket(api);
    expect(v1.attributes(await patch(id, { status: 'closed' }))['closedAt']).toMatch(/Z$/);
    expect(v1.attributes(await patch(id, { status: 'pending' }))['closedAt']).toBeNull();
    const born = await v1.ticket(api, { status: 'closed' });
    expect(v1.attributes(born)['closedAt']).toMatch(/Z$/);
  });

  it('lists by status, priority, contact, staff and subject, sorted and in pages', async () => {
    const contact = await v1.contact(api);
    const staff = await v1.user(api);
    const mine = { contactId: contact.id };
    const a = await v1.ticket(api, { ...mine, subject: 'Broken 100% lamp', priority: 'low' });
    const b = await v1.ticket(api, { ...mine, subject: 'Lost key', staffId: staff.id });
    const c = await v1.ticket(api, { ...mine, subject: 'Lost LAMP', status: 'closed' });
    const of = `contactId=${contact.id}`;
    expect(await list(of)).toEqual([c.id, b.id, a.id]);
    expect(await list(`${of}&sortOrder=asc`)).toEqual([a.id, b.id, c.id]);
    expect(await list(`${of}&status=closed`)).toEqual([c.id]);
    expect(await list(`${of}&priority=low`)).toEqual([a.id]);
    expect(await list(`staffId=${staff.id}`)).toEqual([b.id]);
    expect(await list(`${of}&search=lamp`)).toEqual([c.id, a.id]);
    expect(await list(`${of}&search=0%25 l`)).toEqual([a.id]);
    await patch(a.id, { subject: 'Touched' });
    expect(await list(`${of}&sortBy=updatedAt`)).toEqual([a.id, c.id, b.id]);
    const page = await api.get<Resource[]>(`${base}/tickets?${of}&perPage=2&page=2`);
    expect(page.data.map(({ id }) => id)).toEqual([a.id]);
    expect(page.meta['pagination']).toMatchObject({ totalCount: 3, totalPages: 2, hasPrevPage: true });
  });

  it('lists its conversations and no other', async () => {
    const ticket = await v1.ticket(api);
    const [one, two] = [
      await v1.conversation(api, { ticketId: ticket.id }),
      await v1.conversation(api, { ticketId: ticket.id }),
    ];
    await v1.conversation(api);
    const answer = await api.get<Resource[]>(`${base}/tickets/${ticket.id}/conversations`);
    expect(answer.data.map(({ id }) => id)).toEqual([two.id, one.id]);
    expect(answer.data[0]?.attributes['ticketId']).toBe(ticket.id);
    v1.expectError(
      await api.get(`${base}/tickets/ticket_01h455vb4pex5vsknk084sn02q/conversations`),
      404,
      'TICKET_NOT_FOUND',
    );
  });

  it('takes staff who work only, and a contact who is there', async () => {
    const suspended = await v1.user(api);
    await api.patch(`/v1/users/${suspended.id}`, { status: 'suspended' });
    const customer = await v1.user(api, { role: 'customer' });
    const gone = await v1.contact(api);
    await api.delete(`/v1/contacts/${gone.id}`);
    const { id } = await v1.ticket(api);
    const contactId = (await v1.contact(api)).id;
    const before = await v1.checksum(hub);
    for (const staffId of [suspended.id, customer.id]) {
      v1.expectError(await open({ subject: 'x', contactId, staffId }), 422, 'ASSIGNEE_UNAVAILABLE');
      v1.expectError(await patch(id, { staffId }), 422, 'ASSIGNEE_UNAVAILABLE');
    }
    v1.expectError(await open({ subject: 'x', contactId: gone.id }), 404, 'CONTACT_NOT_FOUND', 'contactId');
    v1.expectError(await open({ contactId }), 400, 'VALIDATION_ERROR', 'subject');
    v1.expectError(await patch(id, { status: 'done' }), 400, 'VALIDATION_ERROR', 'status');
    v1.expectError(await patch(id, { subject: '' }), 400, 'VALIDATION_ERROR', 'subject');
    v1.expectError(await api.get(`${base}/tickets?staffId=nobody`), 400, 'VALIDATION_ERROR', 'staffId');
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it('goes with the user who gets one of its conversations, and stays with them after', async () => {
    const [first, second] = [await v1.user(api), await v1.user(api)];
    const ticket = await v1.ticket(api, { staffId: first.id });
    const staff = async (): Promise<unknown> =>
      v1.at(v1.attributes(await api.get(`${base}/tickets/${ticket.id}`)), 'staff.id') ?? null;
    const { id } = await v1.conversation(api, { ticketId: ticket.id, assigneeId: second.id });
    expect(await staff()).toBe(second.id);
    const { events } = await v1.told(hub, () =>
      api.post(`${base}/conversations/${id}/assign`, { assigneeId: first.id }),
    );
    expect(events.map(({ type }) => type)).toEqual(['conversation.assigned', 'ticket.updated']);
    expect(await staff()).toBe(first.id);
    v1.ok(await api.post(`${base}/conversations/${id}/transfer`, { toAssigneeId: second.id }));
    expect(await staff()).toBe(second.id);
    const bot = await v1.bot(api);
    for (const [action, body] of [
      ['assign', { assigneeId: bot.id }],
      ['unassign', {}],
    ] as const) {
      const { events } = await v1.told(hub, () => api.post(`${base}/conversations/${id}/${action}`, body));
      expect(events).toHaveLength(1);
      expect(await staff()).toBe(second.id);
    }
  });
});
