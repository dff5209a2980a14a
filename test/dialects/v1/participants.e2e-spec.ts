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

describe('participants', () => {
  const path = (id: string, tail = ''): string => `/v1/conversations/${id}/participants${tail}`;
  const add = (id: string, body: v1.Json): Promise<Answer<Resource[]>> => api.post<Resource[]>(path(id), body);
  const roles = async (id: string, query = ''): Promise<Record<string, unknown>> =>
    Object.fromEntries(
      (await api.get<Resource[]>(path(id, query))).data.map((one) => [one.id, one.attributes['role']]),
    );

  it('joins users and bots, answers who takes part then, and tells it', async () => {
    const conversation = await v1.conversation(api);
    const contactId = v1.at(v1.attributes(conversation), 'contact.id') as string;
    const [user, bot] = [await v1.user(api, { name: 'Ann' }), await v1.bot(api, { name: 'Bot' })];
    const { answer, events } = await v1.told(hub, () => add(conversation.id, { userId: user.id }));
    expect(answer.status).toBe(201);
    expect(answer.data.map(({ id }) => id)).toEqual([contactId, user.id]);
    expect(events.map(({ type }) => type)).toEqual(['conversation.updated']);
    const customer = { id: contactId, type: 'contact', name: null, role: 'customer' };
    const observer = { id: user.id, type: 'user', name: 'Ann', role: 'observer' };
    expect(v1.at(events[0]?.body, 'meta.changes')).toEqual({
      participants: { before: [customer], after: [customer, observer] },
    });
    await add(conversation.id, { botId: bot.id });
    expect(await roles(conversation.id)).toEqual({ [contactId]: 'customer', [user.id]: 'observer', [bot.id]: 'bot' });
    const again = await v1.told(hub, () => add(conversation.id, { userId: user.id, botId: bot.id }));
    expect(again.events).toEqual([]);
    await add(conversation.id, { userId: user.id, role: 'agent' });
    expect(await roles(conversation.id)).toMatchObject({ [user.id]: 'agent' });
  });

  it('lets one go, keeps when, and takes them back', async () => {
    const { id } = await v1.conversation(api);
    const user = await v1.user(api);
    await add(id, { userId: user.id, role: 'agent' });
    const { answer, events } = await v1.told(hub, () => api.delete(path(id, `/${user.id}`)));
    expect(answer.status).toBe(204);
    expect(events.map(({ type }) => type)).toEqual(['conversation.updated']);
    expect(Object.keys(await roles(id))).not.toContain(user.id);
    const all = await api.get<Resource[]>(path(id, '?includeLeft=true'));
    const left = all.data.find((one) => one.id === user.id)?.attributes;
    expect(Date.parse(String(left?.['leftAt']))).toBeGreaterThanOrEqual(Date.parse(String(left?.['joinedAt'])));
    expect(all.data.find((one) => one.type === 'contact')?.attributes).not.toHaveProperty('leftAt');
    v1.expectError(await api.delete(path(id, `/${user.id}`)), 404, 'USER_NOT_FOUND');
    await add(id, { userId: user.id });
    expect(await roles(id)).toMatchObject({ [user.id]: 'observer' });
  });

  it('goes on with whoever took part before they were assigned, and lets go of the others', async () => {
    const { id } = await v1.conversation(api);
    const [before, since] = [await v1.user(api), await v1.user(api)];
    await add(id, { userId: before.id });
    await api.post(`/v1/conversations/${id}/assign`, { assigneeId: before.id });
    await api.post(`/v1/conversations/${id}/transfer`, { toAssigneeId: since.id });
    expect(await roles(id)).toMatchObject({ [before.id]: 'observer', [since.id]: 'agent' });
    await api.post(`/v1/conversations/${id}/unassign`);
    expect(Object.keys(await roles(id))).not.toContain(since.id);
    expect(await roles(id)).toMatchObject({ [before.id]: 'observer' });
  });

  it('keeps the contact, the assignee and the attached bot, and says why', async () => {
    const [user, bot] = [await v1.user(api), await v1.bot(api)];
    const conversation = await v1.conversation(api, { assigneeId: user.id, botId: bot.id });
    const contactId = v1.at(v1.attributes(conversation), 'contact.id') as string;
    const before = await v1.checksum(hub);
    for (const who of [user.id, bot.id, contactId]) {
      const refused = await api.delete(path(conversation.id, `/${who}`));
      v1.expectError(refused, 400, 'VALIDATION_ERROR', 'participantId');
    }
    v1.expectError(await add(conversation.id, { userId: user.id, role: 'observer' }), 400, 'VALIDATION_ERROR', 'role');
    v1.expectError(await add(conversation.id, { botId: bot.id, role: 'agent' }), 400, 'VALIDATION_ERROR', 'role');
    v1.expectError(await add(conversation.id, {}), 400, 'VALIDATION_ERROR', 'userId');
    v1.expectError(await api.delete(path(conversation.id, '/nobody')), 404, 'RESOURCE_NOT_FOUND');
    v1.expectError(await add(conversation.id, { userId: user.id, expectedVersion: 99 }), 412, 'VERSION_MISMATCH');
    const customer = await v1.user(api, { role: 'customer' });
    const refused = await v1.told(hub, () => add(conversation.id, { userId: customer.id }));
    v1.expectError(refused.answer, 422, 'ASSIGNEE_UNAVAILABLE');
    expect(refused.events).toEqual([]);
    const { users: _, event: __, ...kept } = before;
    expect(await v1.checksum(hub)).toMatchObject(kept);
  });

  it('20 adds of one user at once: one event', async () => {
    const { id } = await v1.conversation(api);
    const user = await v1.user(api);
    const { answer, events } = await v1.told(hub, () =>
      Promise.all(Array.from({ length: 20 }, () => add(id, { userId: user.id }))),
    );
    expect(answer.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
    expect(events).toHaveLength(1);
  });
});
