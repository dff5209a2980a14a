import type { Answer, ApiClient, Resource } from '../../support/api-client.js';
import { eventually, startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let channelId: string;

beforeAll(async () => {
  hub = await startHub({ worker: true });
  await hub.startWorker(); // two at once: whatever is due goes out once
  api = hub.admin;
  channelId = (await v1.channel(api)).id;
});
afterAll(() => hub.stop());

const times = (n: number, status: number): number[] => Array.from({ length: n }, () => status);
const open = async (fields: v1.Json = {}): Promise<string> => (await v1.conversation(api, { channelId, ...fields })).id;
const row = async (id: string): Promise<v1.Json> => v1.attributes(await api.get(`/v1/conversations/${id}`));
const message = async (id: string): Promise<v1.Json> => v1.attributes(await api.get(`/v1/messages/${id}`));
const draft = async (id: string, more: v1.Json = {}): Promise<Resource> =>
  v1.ok(await v1.say(api, id, 'draft', { draft: true, ...more }));
const types = (events: readonly v1.StoredEvent[]): string[] => events.map(({ type }) => type);
const texts = async (client: ApiClient, id: string): Promise<unknown[]> =>
  v1
    .ok(await client.get<Resource[]>(`/v1/conversations/${id}/messages`))
    .map((one) => v1.at(one, 'attributes.content.text'));
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

describe('a draft', () => {
  test('waits among the messages, counts for nothing and is told as submitted', async () => {
    const id = await open();
    v1.ok(await v1.say(api, id, 'sent'));
    const { answer, events } = await v1.told(hub, () => draft(id));
    expect(answer.attributes).toMatchObject({
      status: 'pending',
      direction: 'outbound',
      sentAt: null,
      draft: { state: 'pending', reason: null, reviewedBy: null, reviewedAt: null },
    });
    expect(types(events)).toEqual(['message.draft.submitted']);
    expect(events[0]?.body).toMatchObject({ data: answer, meta: { sequence: 3 } });
    expect(await row(id)).toMatchObject({ messageCount: 1, lastMessage: { content: { text: 'sent' } } });
    expect(await texts(api, id)).toEqual(['sent', 'draft']);
    const pending = v1.ok(await api.get<Resource[]>(`/v1/messages?draft=pending&conversationId=${id}`));
    expect(pending.map((one) => one.id)).toEqual([answer.id]);
  });

  test('approved, it goes out as the latest message: approved is told, then sent', async () => {
    const id = await open();
    const { id: draftId } = await draft(id);
    v1.ok(await v1.say(api, id, 'later'));
    const { answer, events } = await v1.told(hub, () => api.post(`/v1/messages/${draftId}/approve`));
    expect(answer.data.attributes).toMatchObject({
      status: 'sent',
      draft: { state: 'approved', reviewedBy: { type: 'api_key', name: 'Admin key' } },
    });
    expect(types(events)).toEqual(['message.draft.approved', 'message.sent']);
    expect(events.map(({ body }) => v1.at(body, 'data.attributes.status'))).toEqual(['pending', 'sent']);
    expect(await texts(api, id)).toEqual(['later', 'draft']);
    expect(await row(id)).toMatchObject({ messageCount: 2, lastMessage: { id: draftId } });
    const again = await v1.told(hub, () => api.post(`/v1/messages/${draftId}/approve`));
    expect([again.answer.status, again.answer.data, again.events]).toEqual([200, answer.data, []]);
    v1.expectError(await api.post(`/v1/messages/${draftId}/reject`), 409, 'RESOURCE_ALREADY_EXISTS');
  });

  test('rejected, it is never sent and says why', async () => {
    const id = await open();
    const { id: draftId } = await draft(id);
    const reject = (): Promise<Answer> => api.post(`/v1/messages/${draftId}/reject`, { reason: 'Too harsh' });
    const { answer, events } = await v1.told(hub, reject);
    expect(answer.data.attributes).toMatchObject({
      status: 'pending',
      draft: { state: 'rejected', reason: 'Too harsh', reviewedBy: { type: 'api_key' } },
    });
    expect(types(events)).toEqual(['message.draft.rejected']);
    expect((await v1.told(hub, reject)).events).toEqual([]);
    v1.expectError(await api.post(`/v1/messages/${draftId}/approve`), 409, 'RESOURCE_ALREADY_EXISTS');
    expect(await row(id)).toMatchObject({ messageCount: 0, lastMessage: null });
  });

  test('a closed conversation and a sleeping channel keep it from going out, and nothing changes', async () => {
    const closed = await open();
    const one = await draft(closed);
    v1.ok(await api.post(`/v1/conversations/${closed}/close`));
    const sleeping = await v1.channel(api, {}, false);
    const two = await draft(await open({ channelId: sleeping.id }));
    const { events } = await v1.told(hub, async () => {
      v1.expectError(await api.post(`/v1/messages/${one.id}/approve`), 409, 'CONVERSATION_CLOSED');
      v1.expectError(await api.post(`/v1/messages/${two.id}/approve`), 422, 'CHANNEL_NOT_CONNECTED');
    });
    expect(events).toEqual([]);
    for (const { id, attributes } of [one, two]) expect(await message(id)).toMatchObject(attributes);
    v1.expectError(await v1.say(api, closed, 'x', { draft: true }), 409, 'CONVERSATION_CLOSED');
  });

  test('an agent decides nothing, a supervisor does; what is no draft is a 400', async () => {
    const id = await open();
    const { id: draftId } = await draft(id);
    const agent = await hub.withScopes('messages:read', 'messages:write', 'conversations:write', 'assignment:read');
    for (const verdict of ['approve', 'reject']) {
      const answer = await agent.post(`/v1/messages/${draftId}/${verdict}`);
      v1.expectError(answer, 403, 'INSUFFICIENT_PERMISSIONS');
      const plain = v1.ok(await v1.say(api, id, 'plain'));
      v1.expectError(await api.post(`/v1/messages/${plain.id}/${verdict}`), 400, 'VALIDATION_ERROR', 'id');
    }
    const supervisor = await hub.withScopes('assignment:write');
    expect((await supervisor.post(`/v1/messages/${draftId}/approve`)).status).toBe(200);
  });

  test('20 verdicts at once: one kind wins, it is told once, and sent at most once', async () => {
    const id = await open();
    for (let round = 0; round < 3; round++) {
      const { id: draftId } = await draft(id);
      const { answer, events } = await v1.told(hub, () =>
        Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            api.post(`/v1/messages/${draftId}/${i % 2 ? 'approve' : 'reject'}`, i % 2 ? undefined : { reason: 'no' }),
          ),
        ),
      );
      expect(answer.map(({ status }) => status).sort((a, b) => a - b)).toEqual([...times(10, 200), ...times(10, 409)]);
      const { state } = (await message(draftId))['draft'] as { state: string };
      const told = state === 'approved' ? ['message.draft.approved', 'message.sent'] : ['message.draft.rejected'];
      expect(types(events)).toEqual(told);
    }
  });

  test('the same clientMessageId gives the first draft back', async () => {
    const id = await open();
    const first = await draft(id, { clientMessageId: 'd1' });
    expect((await draft(id, { clientMessageId: 'd1' })).id).toBe(first.id);
  });

  test('deleted, it cannot be approved any more', async () => {
    const { id: draftId } = await draft(await open());
    expect((await api.delete(`/v1/messages/${draftId}`)).status).toBe(200);
    v1.expectError(await api.post(`/v1/messages/${draftId}/approve`), 404, 'MESSAGE_NOT_FOUND');
  });
});

describe('a scheduled message', () => {
  test('waits uncounted and untold, and goes out once at its time, with two workers', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => open()));
    const due = Date.now() + 2_000;
    const scheduledAt = new Date(due).toISOString();
    const { answer: waiting, events } = await v1.told(hub, () =>
      Promise.all(ids.map(async (id) => v1.ok(await v1.say(api, id, 'scheduled', { scheduledAt })))),
    );
    expect(events).toEqual([]);
    expect(waiting[0]?.attributes).toMatchObject({ status: 'pending', scheduledAt, sentAt: null, draft: null });
    expect(await row(ids[0] ?? '')).toMatchObject({ messageCount: 0, lastMessage: null });
    for (const { id } of waiting) {
      await eventually(async () => (await message(id))['status'] === 'sent', `${id} to be sent`);
      const late = new Date(String((await message(id))['sentAt'])).getTime() - due;
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(2_000);
    }
    for (const id of ids) {
      expect(types(await v1.events(hub, id))).toEqual(['conversation.created', 'message.sent']);
      expect(await row(id)).toMatchObject({ messageCount: 1 });
    }
  });

  test('finds the conversation closed or the channel asleep, and has failed', async () => {
    const sleeping = await v1.channel(api, {}, false);
    const [closed, asleep] = [await open(), await open({ channelId: sleeping.id })];
    const scheduledAt = inMs(700);
    const one = v1.ok(await v1.say(api, closed, 'x', { scheduledAt }));
    const two = v1.ok(await v1.say(api, asleep, 'x', { scheduledAt }));
    v1.ok(await api.post(`/v1/conversations/${closed}/close`));
    for (const [{ id }, conversation, word] of [
      [one, closed, 'closed'],
      [two, asleep, 'active'],
    ] as const) {
      await eventually(async () => (await message(id))['status'] === 'failed', `${id} to fail`);
      const { failedReason, statusHistory } = await message(id);
      expect(failedReason).toContain(word);
      expect((statusHistory as { status: string }[]).map(({ status }) => status)).toEqual(['pending', 'failed']);
      expect(types(await v1.events(hub, conversation)).filter((type) => type === 'message.failed')).toHaveLength(1);
    }
  });

  test('deleted before its time it is cancelled; a draft goes out at its time once approved, and not before', async () => {
    const id = await open();
    const scheduledAt = inMs(1_500);
    const cancelled = v1.ok(await v1.say(api, id, 'cancelled', { scheduledAt }));
    const approved = await draft(id, { scheduledAt });
    const waiting = await draft(id, { scheduledAt });
    v1.ok(await api.delete(`/v1/messages/${cancelled.id}`));
    const { answer, events } = await v1.told(hub, () => api.post(`/v1/messages/${approved.id}/approve`));
    expect(answer.data.attributes).toMatchObject({ status: 'pending', draft: { state: 'approved' } });
    expect(types(events)).toEqual(['message.draft.approved']);
    await eventually(async () => (await message(approved.id))['status'] === 'sent', 'the approved one to be sent');
    expect(await message(cancelled.id)).toMatchObject({ status: 'pending', content: { type: 'deleted' } });
    expect(await message(waiting.id)).toMatchObject({ status: 'pending', draft: { state: 'pending' } });
    expect(await row(id)).toMatchObject({ messageCount: 1 });
    expect(types(await v1.events(hub, id)).slice(-1)).toEqual(['message.sent']);
  });
});

test('a contact sees what was really sent, and nothing of the rest', async () => {
  const contact = await v1.contact(api);
  const id = await open({ contactId: contact.id });
  v1.ok(await v1.say(api, id, 'sent', { recipients: { to: ['Main Street 1'], bcc: ['hidden'] } }));
  v1.ok(await v1.say(api, id, 'note', { private: true }));
  const rejected = await draft(id);
  v1.ok(await api.post(`/v1/messages/${rejected.id}/reject`));
  await draft(id);
  v1.ok(await v1.say(api, id, 'scheduled', { scheduledAt: inMs(60_000) }));
  const approved = await draft(id);
  v1.ok(await api.post(`/v1/messages/${approved.id}/approve`));
  const { token } = v1.ok(await api.post<{ token: string }>(`/v1/contacts/${contact.id}/token`));
  const customer = hub.as(token);
  expect(await texts(customer, id)).toEqual(['sent', 'draft']);
  const seen = (await customer.get(`/v1/conversations/${id}/messages`)).text;
  expect(seen).not.toMatch(/hidden|reviewedBy":\{/);
  const latest = v1.ok(await customer.get(`/v1/conversations/${id}?includeMessages=true`));
  expect(v1.at(latest, 'relationships.messages')).toHaveLength(2);
  for (const more of [{ draft: true }, { private: true }, { scheduledAt: inMs(60_000) }, { recipients: {} }]) {
    v1.expectError(await v1.say(customer, id, 'x', more), 403, 'INSUFFICIENT_PERMISSIONS');
  }
  v1.expectError(await customer.get(`/v1/messages/${approved.id}`), 403, 'INSUFFICIENT_PERMISSIONS');
});
