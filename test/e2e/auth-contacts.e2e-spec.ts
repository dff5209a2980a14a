import { jest } from '@jest/globals';
import type { Answer, ApiClient, Resource } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import { codeOf } from './auth-fixtures.js';

jest.setTimeout(60_000);

let hub: Hub;
let api: ApiClient;
let channelId: string;
beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  channelId = (await api.post('/v1/channels', { name: 'Chat', type: 'webchat' })).data.id;
  await api.post(`/v1/channels/${channelId}/activate`);
});
afterAll(() => hub.stop());

interface Person {
  readonly contactId: string;
  readonly conversationId: string;
  readonly client: ApiClient;
}

async function person(name: string): Promise<Person> {
  const contactId = (await api.post('/v1/contacts', { name })).data.id;
  const conversation = await api.post('/v1/conversations', {
    channelId,
    contactId,
    metadata: { secret: 1 },
    entity: { type: 'case', id: 'confidential' },
    tags: ['vip'],
  });
  const answer = await api.post<{ token: string; expiresAt: string }>(`/v1/contacts/${contactId}/token`, {
    expiresIn: 120,
  });
  expect(answer.status).toBe(200);
  return { contactId, conversationId: conversation.data.id, client: hub.as(answer.data.token) };
}

const text = (words: string, more: object = {}): object => ({ content: { type: 'text', text: words }, ...more });
const at = ({ conversationId }: Person, tail = ''): string => `/v1/conversations/${conversationId}${tail}`;

describe("a contact's token", () => {
  it('reads its own conversations, and not what the staff keeps to itself', async () => {
    const [ann, ben] = [await person('Ann'), await person('Ben')];
    await api.post(at(ann, '/messages'), text('Hello Ann', { metadata: { internal: true } }));
    await api.post(at(ann, '/messages'), text('a difficult one', { private: true }));
    const list = await ann.client.get<Resource[]>('/v1/conversations');
    expect(list.data.map(({ id }) => id)).toEqual([ann.conversationId]);
    const foreign = await ann.client.get<Resource[]>(`/v1/conversations?contactId=${ben.contactId}`);
    expect(foreign.data.map(({ id }) => id)).toEqual([ann.conversationId]);
    const one = await ann.client.get(`${at(ann)}?includeMessages=true`);
    expect(one.data.attributes).toMatchObject({ metadata: {}, tags: [], assignedBy: null });
    const messages = await ann.client.get<Resource[]>(at(ann, '/messages'));
    expect(messages.data.map(({ attributes }) => attributes['content'])).toEqual([{ type: 'text', text: 'Hello Ann' }]);
    for (const answer of [list, one, messages] as Answer<unknown>[])
      expect(answer.text).not.toMatch(/difficult|internal"|vip|confidential/);
    for (const filter of ['search=difficult', 'tags=vip', 'entityType=case', 'archived=false'])
      expect(codeOf(await ann.client.get(`/v1/conversations?${filter}`))).toBe('400 VALIDATION_ERROR');
  });

  it('does not see those of others: 404, as if they did not exist', async () => {
    const [ann, ben] = [await person('Ann'), await person('Ben')];
    const elsewhere = await hub.newOrganization('Elsewhere');
    const channel = await elsewhere.post('/v1/channels', { name: 'x', type: 'api' });
    const foreign = await elsewhere.post('/v1/conversations', {
      channelId: channel.data.id,
      contact: { phone: '+5511988887777' },
    });
    for (const id of [ben.conversationId, foreign.data.id]) {
      for (const answer of [
        await ann.client.get(`/v1/conversations/${id}`),
        await ann.client.get(`/v1/conversations/${id}/messages`),
        await ann.client.post(`/v1/conversations/${id}/messages`, text('hi')),
      ]) {
        expect(codeOf(answer)).toBe('404 CONVERSATION_NOT_FOUND');
      }
    }
    expect((await ben.client.get<Resource[]>(at(ben, '/messages'))).data).toEqual([]);
  });

  it('writes as the contact: inbound, once per clientMessageId', async () => {
    const ann = await person('Ann');
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ann.client.post(at(ann, '/messages'), text('Hi', { clientMessageId: 'one' }))),
    );
    expect(answers.map(codeOf)).toEqual(['201', '201', '201', '201']);
    expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1);
    expect(answers[0]?.data.attributes).toMatchObject({
      direction: 'inbound',
      status: 'delivered',
      sender: { type: 'contact', id: ann.contactId, name: 'Ann' },
    });
    const seen = await api.get(at(ann));
    expect(seen.data.attributes).toMatchObject({
      unreadCount: 1,
      messageCount: 1,
      lastMessage: { direction: 'inbound' },
    });
    const [event] = await hub.sql<{ type: string }>(
      `SELECT type FROM event WHERE body LIKE '%"Hi"%' AND type LIKE 'message.%'`,
    );
    expect(event?.type).toBe('message.received');
    expect(codeOf(await ann.client.post(at(ann, '/messages'), text('x', { private: true })))).toBe(
      '403 INSUFFICIENT_PERMISSIONS',
    );
    await api.post(at(ann, '/messages'), text('Yours', { clientMessageId: 'staff' }));
    const clash = await ann.client.post(at(ann, '/messages'), text('Mine', { clientMessageId: 'staff' }));
    expect(codeOf(clash)).toBe('409 RESOURCE_ALREADY_EXISTS');
    const stranger = await person('Stranger');
    const peek = await stranger.client.post(at(ann, '/messages'), text('Hi', { clientMessageId: 'one' }));
    expect(codeOf(peek)).toBe('404 CONVERSATION_NOT_FOUND');
    const template = { content: { type: 'template', template: { name: 'x', language: 'en', components: [] } } };
    expect(codeOf(await ann.client.post(at(ann, '/messages'), template))).toBe('400 UNSUPPORTED_CONTENT_TYPE');
  });

  it('reopens what was closed lately, not what was closed long ago', async () => {
    const ann = await person('Ann');
    await api.post(at(ann, '/close'), { reason: 'not for the contact' });
    expect((await ann.client.get(at(ann))).text).not.toContain('not for the contact');
    expect(codeOf(await ann.client.post(at(ann, '/messages'), text('One more thing')))).toBe('201');
    expect((await api.get(at(ann))).data.attributes['status']).toBe('open');
    await api.post(at(ann, '/close'));
    await hub.sql(`UPDATE conversation SET closed_at = now() - interval '2 days' WHERE status = 'closed'`);
    expect(codeOf(await ann.client.post(at(ann, '/messages'), text('Hello?')))).toBe('409 CONVERSATION_CLOSED');
  });

  it('opens no other door', async () => {
    const ann = await person('Ann');
    const { paths } = (await (await fetch(`${hub.url}/docs/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { security?: unknown[]; description?: string }>>;
    };
    const open = new Set<string>();
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { security }] of Object.entries(operations)) {
        if (security?.length === 0) continue;
        const own = path.replace('/v1/conversations/{id}', at(ann)).replace(/\{\w+\}/g, ann.contactId);
        const name = `${method.toUpperCase()} ${path}`;
        const body = method === 'get' ? undefined : { name: 'Changed' };
        const answer = await ann.client.call(method.toUpperCase(), own, { body });
        if (answer.status === 403) expect([name, codeOf(answer)]).toEqual([name, '403 INSUFFICIENT_PERMISSIONS']);
        else open.add(name);
      }
    }
    expect([...open].sort()).toEqual([
      'GET /v1/conversations',
      'GET /v1/conversations/{id}',
      'GET /v1/conversations/{id}/messages',
      'POST /v1/conversations/{id}/messages',
      'POST /v1/media/upload',
    ]);
  });

  it('is worth nothing any more once it is revoked, at this contact alone; a new one is', async () => {
    const [ann, ben] = [await person('Ann'), await person('Ben')];
    const path = `/v1/contacts/${ann.contactId}/token`;
    const elsewhere = await hub.newOrganization('Elsewhere');
    expect(codeOf(await elsewhere.delete(path))).toBe('404 CONTACT_NOT_FOUND');
    expect(codeOf(await (await hub.withScopes('contacts:read')).delete(path))).toBe('403 INSUFFICIENT_PERMISSIONS');
    expect(codeOf(await ann.client.get(at(ann)))).toBe('200');
    expect((await api.delete(path)).status).toBe(204);
    const late = await ann.client.get(at(ann));
    expect([codeOf(late), late.error.message]).toEqual([
      '401 TOKEN_REVOKED',
      'The token has been revoked: ask for a new one',
    ]);
    expect(codeOf(await ben.client.get(at(ben)))).toBe('200');
    const { data } = await api.post<{ token: string }>(path);
    expect(codeOf(await hub.as(data.token).get(at(ann)))).toBe('200');
    const [line] = (await api.get<Resource[]>(`/v1/audit?subjectId=${ann.contactId}&limit=1`)).data;
    expect(line?.attributes['action']).toBe('contact.tokens_revoked');
  });

  it('is told what it is for where it does not fit', async () => {
    const ann = await person('Ann');
    for (const path of ['/v1/auth/me', '/v1/contacts', '/v1/users']) {
      const { status, error } = await ann.client.get(path);
      expect([status, error.message]).toEqual([403, "A contact's token is for the contact's own conversations only"]);
    }
  });

  it('is for a contact of the organization, for a minute to a day, and ends with the contact', async () => {
    const ann = await person('Ann');
    const path = `/v1/contacts/${ann.contactId}/token`;
    expect(codeOf(await api.post(path, { expiresIn: 59 }))).toBe('400 VALIDATION_ERROR');
    expect(codeOf(await api.post(path, { expiresIn: 86_401 }))).toBe('400 VALIDATION_ERROR');
    const inAnHour = await api.post<{ expiresAt: string }>(path);
    expect(Date.parse(inAnHour.data.expiresAt) - Date.now()).toBeGreaterThan(3_590_000);
    const elsewhere = await hub.newOrganization('Elsewhere');
    expect(codeOf(await elsewhere.post(path))).toBe('404 CONTACT_NOT_FOUND');
    expect(codeOf(await (await hub.withScopes('contacts:read')).post(path))).toBe('403 INSUFFICIENT_PERMISSIONS');
    await api.post(at(ann, '/close'));
    expect((await api.delete(`/v1/contacts/${ann.contactId}`)).status).toBe(204);
    expect(codeOf(await ann.client.get('/v1/conversations'))).toBe('401 TOKEN_REVOKED');
  });
});
