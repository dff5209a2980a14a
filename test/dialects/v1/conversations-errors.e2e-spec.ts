import type { Answer, ApiClient } from '../../support/api-client.js';
import { startHub, type Hub } from '../../support/harness.js';
import * as v1 from './v1-fixtures.js';

let hub: Hub;
let api: ApiClient;
let channelId: string;
let untouched: Record<string, string>;

beforeAll(async () => {
  hub = await startHub();
  api = hub.admin;
  channelId = (await v1.channel(api)).id;
  untouched = await v1.checksum(hub);
});
afterEach(async () => {
  expect(await v1.checksum(hub)).toEqual(untouched); // nothing here may write anything
});
afterAll(() => hub.stop());

const UNKNOWN = '01h455vb4pex5vsknk084sn02q';
const MALFORMED = [
  'conv_',
  'conv_xyz',
  'conv_123',
  `conv_${'8'.repeat(26)}`,
  `conv_${UNKNOWN}0`,
  `CONV_${UNKNOWN}`,
  '1',
  'null',
];
const ROUTES: [string, string, unknown][] = [
  ['GET', '', undefined],
  ['GET', '/participants', undefined],
  ['GET', '/messages', undefined],
  ['PATCH', '', { priority: 'high' }],
  ['POST', '/close', {}],
  ['POST', '/reopen', undefined],
  ['POST', '/assign', { assigneeId: `user_${UNKNOWN}` }],
  ['POST', '/transfer', { toAssigneeId: `user_${UNKNOWN}` }],
  ['POST', '/unassign', undefined],
  ['POST', '/read', undefined],
  ['POST', '/snooze', { until: '2999-01-01T00:00:00Z' }],
  ['POST', '/messages', { content: { type: 'text', text: 'x' } }],
];

describe.each(v1.BASES)('S3-19 errors of %s/conversations', (base) => {
  const create = (body: unknown): Promise<Answer> => api.post(`${base}/conversations`, body);
  const contact = { phone: '+5511999999999' };

  test.each(ROUTES)(
    'S3-19 %s :id%s of an unknown or malformed id is CONVERSATION_NOT_FOUND',
    async (method, tail, body) => {
      for (const id of [`conv_${UNKNOWN}`, ...MALFORMED, channelId, `contact_${UNKNOWN}`]) {
        const answer = await api.call(method, `${base}/conversations/${id}${tail}`, { body });
        v1.expectError(answer, 404, 'CONVERSATION_NOT_FOUND');
        expect(answer.error).toEqual({ code: 'CONVERSATION_NOT_FOUND', message: 'Conversation does not exist' });
      }
    },
  );

  test.each<[string, (id: string) => v1.Json, string]>([
    ['CHANNEL_NOT_FOUND', (id) => ({ channelId: `ch_${id}`, contact }), 'channelId'],
    ['CONTACT_NOT_FOUND', (id) => ({ channelId, contactId: `contact_${id}` }), 'contactId'],
    ['BOT_NOT_FOUND', (id) => ({ channelId, contact, botId: `bot_${id}` }), 'botId'],
    ['USER_NOT_FOUND', (id) => ({ channelId, contact, assigneeId: `user_${id}` }), 'assigneeId'],
  ])('S3-19 an unknown or malformed id in the body is %s and names the field', async (code, body, field) => {
    for (const id of [UNKNOWN, 'xyz', '', UNKNOWN.toUpperCase()])
      v1.expectError(await create(body(id)), 404, code, field);
  });

  test.each<[v1.Json, string]>([
    [{ contact }, 'channelId'],
    [{ channelId: null, contact }, 'channelId'],
    [{ channelId: '', contact }, 'channelId'],
    [{ channelId: 5, contact }, 'channelId'],
    [{ channelId: ['ch_1'], contact }, 'channelId'],
    [{ channelId: 'ch_x'.repeat(100), contact }, 'channelId'],
    [{ channelId: ':ch' }, 'contactId'],
    [{ channelId: ':ch', contact: {} }, 'contact.phone'],
    [{ channelId: ':ch', contact: { name: 'Nobody' } }, 'contact.email'],
    [{ channelId: ':ch', contact: { phone: '', email: '' } }, 'contact.email'],
    [{ channelId: ':ch', contact: { phone: null, email: null } }, 'contact.phone'],
    [{ channelId: ':ch', contact: 'John' }, 'contact'],
    [{ channelId: ':ch', contact: [contact] }, 'contact'],
    [{ channelId: ':ch', contact: { phone: 5511999999999 } }, 'contact.phone'],
    [{ channelId: ':ch', contact: { phone: '5511999999999' } }, 'contact.phone'],
    [{ channelId: ':ch', contact: { phone: '+1' } }, 'contact.phone'],
    [{ channelId: ':ch', contact: { phone: 'call me' } }, 'contact.phone'],
    [{ channelId: ':ch', contact: { phone: '+5511999999999', email: 'x' } }, 'contact.email'],
    [{ channelId: ':ch', contact: { email: 'a@b' } }, 'contact.email'],
    [{ channelId: ':ch', contact: { email: 'a b@example.com' } }, 'contact.email'],
    [{ channelId: ':ch', contact: { email: `${'a'.repeat(320)}@example.com` } }, 'contact.email'],
    [{ channelId: ':ch', contact: { phone: '+5511999999999', name: 7 } }, 'contact.name'],
    [{ channelId: ':ch', contact: { phone: '+5511999999999', name: 'x'.repeat(256) } }, 'contact.name'],
    [{ channelId: ':ch', contactId: 3 }, 'contactId'],
    [{ channelId: ':ch', contactId: '', contact }, 'contactId'],
    [{ channelId: ':ch', contact, assigneeId: '' }, 'assigneeId'],
    [{ channelId: ':ch', contact, assigneeId: {} }, 'assigneeId'],
    [{ channelId: ':ch', contact, botId: '' }, 'botId'],
    [{ channelId: ':ch', contact, botId: 1 }, 'botId'],
    [{ channelId: ':ch', contact, metadata: 'x' }, 'metadata'],
    [{ channelId: ':ch', contact, metadata: [] }, 'metadata'],
    [{ channelId: ':ch', contact, metadata: { x: 'y'.repeat(65_536) } }, 'metadata'],
    [{ channelId: ':ch', contact, tags: 'vip' }, 'tags'],
    [{ channelId: ':ch', contact, tags: [1] }, 'tags'],
    [{ channelId: ':ch', contact, tags: [null] }, 'tags'],
    [{ channelId: ':ch', contact, tags: ['x'.repeat(101)] }, 'tags'],
    [{ channelId: ':ch', contact, tags: {} }, 'tags'],
    [{ channelId: ':ch', contact, priority: 'asap' }, 'priority'],
    [{ channelId: ':ch', contact, subject: 1 }, 'subject'],
  ])('S3-19 VALIDATION_ERROR for %j names %s', async (body, field) => {
    const filled = body['channelId'] === ':ch' ? { ...body, channelId } : body;
    v1.expectError(await create(filled), 400, 'VALIDATION_ERROR', field);
  });

  test('S3-19 every field at fault is named at once', async () => {
    const answer = await create({ channelId: 1, contact: { phone: 2, email: 3 }, tags: 4, metadata: 5 });
    const fields = answer.error.details?.map(({ field }) => field);
    expect(fields?.sort()).toEqual(['channelId', 'contact.email', 'contact.phone', 'metadata', 'tags']);
  });

  test('S3-19 the envelope is error and meta, nothing else', async () => {
    const answer = await create({});
    expect(JSON.parse(answer.text)).toEqual({
      error: {
        code: 'VALIDATION_ERROR',
        message: 'The request is not valid',
        details: [{ field: 'channelId', message: 'channelId is required' }],
      },
      meta: { requestId: answer.headers.get('x-request-id') },
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  });
});
