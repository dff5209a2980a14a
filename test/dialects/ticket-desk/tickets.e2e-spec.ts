import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from '../v1/v1-fixtures.js';
import * as td from './ticket-desk-fixtures.js';

let hub: Hub;
let almira: td.Person;
let ally: td.Person;
beforeAll(async () => {
  hub = await startHub();
  almira = await td.staff(hub, 'almira');
  ally = await td.customer(hub, 'Ally CUSTOMER');
});
afterAll(() => hub.stop());

const CREATED = { message: 'Successfully created conversation' };
const REOPENED = { message: 'Conversation re-opened' };
const TIME = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/) as unknown;
const types = (events: readonly v1.StoredEvent[]): string[] => events.map(({ type }) => type);
const start = (number: number) => almira.api.post<unknown>(`/conversation/ticket/${number}`);
const history = async (who: td.Person, number: number): Promise<unknown> =>
  td.bodyOf(await who.api.get(`/conversation/ticket/${number}/history`));

describe('starting', () => {
  it('S0-4: opens the ticket’s conversation in the hands of its staff, with the native events', async () => {
    await td.desk(hub, ally, almira); // the desk's channel is made once
    const ticket = await v1.ticket(hub.admin, { contactId: ally.id, staffId: almira.id });
    const { answer, events } = await v1.told(hub, () => start(td.numberOf(ticket)));
    expect([answer.status, td.bodyOf(answer)]).toEqual([200, CREATED]);
    expect(types(events)).toEqual(['conversation.created', 'conversation.assigned']);
    const { id } = await td.conversationOf(hub, ticket);
    expect(v1.attributes(await hub.admin.get(`/v1/conversations/${id}`))).toMatchObject({
      status: 'open',
      channel: { type: 'internal' },
      contact: { id: ally.id },
      assignee: { id: almira.id },
      ticketId: ticket.id,
    });
  });

  it('S0-4: re-opens in place what is closed', async () => {
    const { ticket, ticketNumber, number } = await td.desk(hub, ally, almira);
    await almira.api.patch(`/conversation/${number}`);
    const { answer, events } = await v1.told(hub, () => start(ticketNumber));
    expect([answer.status, td.bodyOf(answer)]).toEqual([200, REOPENED]);
    expect(types(events)[0]).toBe('conversation.reopened');
    expect((await td.conversationOf(hub, ticket)).number).toBe(number);
    expect((await td.say(ally, number, 'again')).status).toBe(200);
  });

  it('while it is open gives the same words again, and neither changes nor tells anything', async () => {
    const { ticketNumber, number } = await td.desk(hub, ally, almira);
    const unchanged = async (words: object): Promise<void> => {
      const before = await v1.checksum(hub);
      const answer = await start(ticketNumber);
      expect([answer.status, td.bodyOf(answer)]).toEqual([200, words]);
      expect(await v1.checksum(hub)).toEqual(before);
    };
    await unchanged(CREATED);
    await almira.api.patch(`/conversation/${number}`);
    await start(ticketNumber);
    await unchanged(REOPENED);
  });

  it('20 at once open one conversation, and re-open it once', async () => {
    const ticket = await v1.ticket(hub.admin, { contactId: ally.id, staffId: almira.id });
    const all = () => Promise.all(Array.from({ length: 20 }, () => start(td.numberOf(ticket))));
    const opened = await v1.told(hub, all);
    expect(new Set(opened.answer.map(({ status, text }) => `${status} ${text}`))).toEqual(
      new Set([`200 ${JSON.stringify(CREATED)}`]),
    );
    expect(types(opened.events).filter((type) => type === 'conversation.created')).toHaveLength(1);
    const { number } = await td.conversationOf(hub, ticket);
    await almira.api.patch(`/conversation/${number}`);
    const reopened = await v1.told(hub, all);
    expect(new Set(reopened.answer.map(({ text }) => text))).toEqual(new Set([JSON.stringify(REOPENED)]));
    expect(types(reopened.events).filter((type) => type === 'conversation.reopened')).toHaveLength(1);
  });

  it('of two tickets of one user gives two conversations', async () => {
    const [one, two] = [await td.desk(hub, ally, almira), await td.desk(hub, ally, almira)];
    expect(one.number).not.toBe(two.number);
  });

  it('continues the conversation that hangs on the ticket in another channel', async () => {
    const ticket = await v1.ticket(hub.admin, { contactId: ally.id });
    await v1.conversation(hub.admin, { contactId: ally.id, ticketId: ticket.id });
    const { number } = await td.conversationOf(hub, ticket);
    await almira.api.patch(`/conversation/${number}`);
    expect(td.bodyOf(await start(td.numberOf(ticket)))).toEqual(REOPENED);
    expect((await td.conversationOf(hub, ticket)).number).toBe(number);
  });
});

describe('the history of a ticket', () => {
  it('S0-3, S0-9: is one object, of what is closed with its end', async () => {
    const { ticketNumber, number } = await td.desk(hub, ally, almira);
    await almira.api.patch(`/conversation/${number}`);
    const told = {
      id: number,
      createdAt: TIME,
      endedAt: TIME,
      closed: true,
      Ticket: { user_id: ally.number, staff_id: almira.number },
    };
    for (const who of [almira, ally]) {
      const seen = (await history(who, ticketNumber)) as v1.Json;
      expect(seen).toEqual(told);
      expect(Object.keys(seen)).toEqual(Object.keys(told));
    }
  });

  it('of what is open has no end; re-opened, it has none any more', async () => {
    const { ticketNumber, number } = await td.desk(hub, ally, almira);
    expect(await history(ally, ticketNumber)).toMatchObject({ id: number, endedAt: null, closed: false });
    await almira.api.patch(`/conversation/${number}`);
    await start(ticketNumber);
    expect(await history(ally, ticketNumber)).toMatchObject({ id: number, endedAt: null, closed: false });
  });

  it('names who has the conversation now, or nobody', async () => {
    const { ticketNumber, id } = await td.desk(hub, ally, almira);
    const next = await td.staff(hub, 'next');
    v1.ok(await hub.admin.post(`/v1/conversations/${id}/assign`, { assigneeId: next.id }));
    expect(await history(ally, ticketNumber)).toMatchObject({ Ticket: { staff_id: next.number } });
    v1.ok(await hub.admin.post(`/v1/conversations/${id}/unassign`));
    expect(await history(ally, ticketNumber)).toMatchObject({ Ticket: { user_id: ally.number, staff_id: null } });
  });

  it('is a 404 before there is a conversation', async () => {
    const ticket = await v1.ticket(hub.admin, { contactId: ally.id });
    const path = `/conversation/ticket/${td.numberOf(ticket)}/history`;
    for (const who of [ally, almira]) td.expectRefusal(await who.api.get(path), 404, /Conversation/);
  });
});
