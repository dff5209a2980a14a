import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AssignmentService } from '@hub/assignment/assignment.service.js';
import type { Opened } from '@hub/assignment/assignment.types.js';
import { TicketDeskService } from '@hub/assignment/ticket-desk.service.js';
import { ParticipantsQueries } from '@hub/conversations/participants.queries.js';
import { TicketsQueries } from '@hub/conversations/tickets.queries.js';
import { systemAuthor, type Author } from '@hub/events/outbox.js';
import { encodeId } from '@hub/platform/ids.js';
import { createLogger } from '@hub/platform/logger.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { ApiClient, Resource } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';

let hub: Hub;
let api: ApiClient;
let app: NestFastifyApplication;
let author: Author;
let organizationId: string;
beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  const { createApi } = await import('../../apps/api/app.js');
  app = await createApi(hub.config, createLogger('error', 'api'));
  await app.init();
  organizationId = v1.uuid(api.organizationId);
  author = systemAuthor(organizationId);
});
afterAll(async () => {
  await app.close();
  await hub.stop();
});

const together = <T>(times: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, i) => work(i)));
const desk = (ticket: Resource): Promise<Opened> =>
  app.get(TicketDeskService, { strict: false }).openForTicket(author, v1.uuid(ticket.id));
const outcomes = (opened: readonly Opened[]): string[] => opened.map(({ outcome }) => outcome).sort();
const rest = (n: number): string[] => Array.from({ length: n }, () => 'unchanged');

describe("the ticket's conversation", () => {
  it('is opened once by 20 at once, in the built-in channel, with its contact and its staff', async () => {
    const staff = await v1.user(api);
    const ticket = await v1.ticket(api, { staffId: staff.id, priority: 'high' });
    const { answer, events } = await v1.told(hub, () => together(20, () => desk(ticket)));
    expect(outcomes(answer)).toEqual(['created', ...rest(19)]);
    expect(new Set(answer.map(({ conversation }) => conversation.id)).size).toBe(1);
    expect(answer[0]?.conversation).toMatchObject({
      channel: { type: 'internal' },
      contact: { id: v1.uuid(v1.at(v1.attributes(ticket), 'contact.id') as string) },
      assignee: { id: v1.uuid(staff.id) },
      ticketId: v1.uuid(ticket.id),
      subject: 'Broken lamp',
      priority: 'high',
    });
    expect(events.map(({ type }) => type)).toEqual([
      'channel.created',
      'conversation.created',
      'conversation.assigned',
    ]);
  });

  it('is reopened once by 20 at once, in the hands of the ticket’s staff of today', async () => {
    const [one, two] = [await v1.user(api), await v1.user(api)];
    const ticket = await v1.ticket(api, { staffId: one.id });
    const { conversation } = await desk(ticket);
    v1.ok(await api.post(`/v1/conversations/${encodeId('conv', conversation.id)}/close`));
    v1.ok(await api.patch(`/v1/tickets/${ticket.id}`, { staffId: two.id }));
    const { answer, events } = await v1.told(hub, () => together(20, () => desk(ticket)));
    expect(outcomes(answer)).toEqual(['reopened', ...rest(19)]);
    expect(answer[0]?.conversation.assignee?.id).toBe(v1.uuid(two.id));
    expect(events.map(({ type }) => type)).toEqual(['conversation.reopened', 'conversation.assigned']);
  });

  it('is of each ticket of one contact its own; made with nobody where the staff takes none', async () => {
    const contact = await v1.contact(api);
    const busy = await v1.user(api);
    const a = await v1.ticket(api, { contactId: contact.id, staffId: busy.id });
    const b = await v1.ticket(api, { contactId: contact.id });
    await api.patch(`/v1/users/${busy.id}`, { status: 'suspended' });
    const [first, second] = [await desk(a), await desk(b)];
    expect([first.outcome, second.outcome]).toEqual(['created', 'created']);
    expect(first.conversation.id).not.toBe(second.conversation.id);
    expect(first.conversation.assignee).toBeNull();
    const queries = app.get(TicketsQueries, { strict: false });
    expect(await queries.findDeskConversation(organizationId, v1.uuid(a.id))).toBe(first.conversation.id);
  });

  it('is the oldest one that hangs on the ticket where none is in the built-in channel', async () => {
    const ticket = await v1.ticket(api);
    const old = await v1.conversation(api, { ticketId: ticket.id });
    await v1.conversation(api, { ticketId: ticket.id });
    const { outcome, conversation } = await desk(ticket);
    expect([outcome, conversation.id]).toEqual(['unchanged', v1.uuid(old.id)]);
  });

  it('does not exist without the ticket', async () => {
    const stranger = await hub.newOrganization('Elsewhere');
    const foreign = await v1.ticket(stranger);
    const before = await v1.checksum(hub);
    await expect(desk(foreign)).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND' });
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it('and its ticket end in the same hands however assigning, closing and opening race', async () => {
    const staff = await together(4, () => v1.user(api));
    const ticket = await v1.ticket(api, { staffId: staff[0]?.id });
    const { conversation } = await desk(ticket);
    const path = `/v1/conversations/${encodeId('conv', conversation.id)}`;
    const assignment = app.get(AssignmentService, { strict: false });
    const answers = await together(40, async (i) => {
      const who = staff[i % 4]?.id ?? '';
      if (i % 5 === 0) return desk(ticket).then(() => 200);
      if (i % 5 === 1) return (await api.post(`${path}/close`)).status;
      if (i % 5 === 2) return (await api.patch(`/v1/tickets/${ticket.id}`, { subject: `s${i}` })).status;
      if (i % 5 === 3) return (await api.post(`${path}/assign`, { assigneeId: who })).status;
      const to = { type: 'user' as const, id: v1.uuid(who) };
      return assignment.assign(author, { conversationId: conversation.id, to, note: null }).then(
        () => 200,
        (error: { code: string }) => (error.code === 'CONVERSATION_CLOSED' ? 409 : 500),
      );
    });
    expect([...new Set(answers)].filter((status) => ![200, 409].includes(status))).toEqual([]);
    const after = v1.attributes(await api.get(path));
    const { staff: holder } = v1.attributes(await api.get(`/v1/tickets/${ticket.id}`));
    expect(v1.at(after, 'assignee.id')).toBe(v1.at(holder, 'id'));
    const told = await v1.events(hub, encodeId('conv', conversation.id));
    expect(told.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(told.map((_, i) => i + 1));
  });

  it('races with changes of the ticket’s staff without a deadlock', async () => {
    const staff = await together(4, () => v1.user(api));
    const ticket = await v1.ticket(api);
    const { conversation } = await desk(ticket);
    const path = `/v1/conversations/${encodeId('conv', conversation.id)}`;
    const answers = await together(40, (i) => {
      const who = staff[i % 4]?.id;
      return i % 2
        ? api.patch(`/v1/tickets/${ticket.id}`, { staffId: who })
        : api.post(`${path}/assign`, { assigneeId: who });
    });
    expect([...new Set(answers.map(({ status }) => status))]).toEqual([200]);
    // what each event of the ticket says it found is what the one before has left
    const chain = (await v1.events(hub, ticket.id)).slice(1).map(({ body }) => v1.at(body, 'meta.changes.staff'));
    const sides = chain as { before: { id: string } | null; after: { id: string } | null }[];
    sides.forEach(({ before }, i) => expect(before?.id).toBe(i === 0 ? undefined : sides[i - 1]?.after?.id));
  });
});

describe('the built-in channel', () => {
  it('is shown, and stays as it is', async () => {
    await desk(await v1.ticket(api));
    const { data } = await api.get<Resource[]>('/v1/channels?type=internal');
    expect(data.map(({ attributes }) => attributes)).toMatchObject([{ channelType: 'internal', status: 'active' }]);
    const path = `/v1/channels/${data[0]?.id}`;
    expect((await api.get(path)).status).toBe(200);
    const before = await v1.checksum(hub);
    for (const refused of [
      await api.patch(path, { name: 'Mine' }),
      await api.delete(`${path}?force=true`),
      await api.post(`${path}/activate`),
      await api.post(`${path}/deactivate`, { closeConversations: true }),
      await api.post('/v1/channels', { name: 'Another', type: 'internal' }),
    ]) {
      expect([refused.status, refused.error.code]).toEqual([400, 'INVALID_CHANNEL_TYPE']);
    }
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it('is where colleagues talk without a contact; no other channel will do', async () => {
    await desk(await v1.ticket(api));
    const [channel] = (await api.get<Resource[]>('/v1/channels?type=internal')).data;
    const users = await together(2, () => v1.user(api));
    const userIds = users.map(({ id }) => id);
    const made = v1.ok(await api.post('/v1/conversations', { channelId: channel?.id, userIds, subject: 'Lunch' }));
    expect(made.attributes).toMatchObject({ contact: null, subject: 'Lunch' });
    const participants = await api.get<Resource[]>(`/v1/conversations/${made.id}/participants`);
    expect(participants.data.map(({ id }) => id).sort()).toEqual([...userIds].sort());
    const elsewhere = await v1.channel(api);
    v1.expectError(
      await api.post('/v1/conversations', { channelId: elsewhere.id, userIds }),
      400,
      'VALIDATION_ERROR',
      'contactId',
    );
  });
});

describe('conversations by participant', () => {
  it('lists those that a user takes part in, newest first, by entity, with the total', async () => {
    const queries = app.get(ParticipantsQueries, { strict: false });
    const [ann, ben] = [await v1.user(api), await v1.user(api)];
    const entity = (i: number): v1.Json => ({ type: i % 2 ? 'order' : 'job', id: String(i) });
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.push((await v1.conversation(api, { userIds: [ann.id], entity: entity(i) })).id);
    await api.delete(`/v1/conversations/${made[4]}/participants/${ann.id}`);
    const listed = async (filter: object = {}): Promise<[string[], number]> => {
      const request = { page: 1, limit: 2, ...filter };
      const { items, totalCount } = await queries.listForParticipant(organizationId, v1.uuid(ann.id), request);
      return [items.map(({ id }) => encodeId('conv', id)), totalCount];
    };
    expect(await listed()).toEqual([[made[3], made[2]], 4]);
    expect(await listed({ page: 2 })).toEqual([[made[1], made[0]], 4]);
    expect(await listed({ entityType: 'order' })).toEqual([[made[3], made[1]], 2]);
    expect(await listed({ entityType: 'order', entityId: '1' })).toEqual([[made[1]], 1]);
    const all = await queries.listOfOrganization(organizationId, { page: 1, limit: 1, entityId: '4' });
    expect(all.items.map(({ id }) => encodeId('conv', id))).toEqual([made[4]]);

    const uuids = made.map(v1.uuid);
    const parties = await queries.participantsOf(organizationId, uuids);
    expect(uuids.map((id) => parties.get(id)?.length)).toEqual([2, 2, 2, 2, 1]);
    await queries.requireParticipant(organizationId, uuids[0] ?? '', v1.uuid(ann.id));
    for (const [id, user] of [
      [uuids[4], ann],
      [uuids[0], ben],
    ] as const) {
      const asked = queries.requireParticipant(organizationId, id ?? '', v1.uuid(user.id));
      await expect(asked).rejects.toMatchObject({ code: 'CONVERSATION_NOT_FOUND' });
    }
  });
});
