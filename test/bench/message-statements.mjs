// What one POST of a message says to PostgreSQL, recorded from the product itself, so that a ceiling cannot drift from it.
import { built } from '../support/servers.mjs';
import { seededId } from './seed.mjs';

const { ApiKeysService } = await built('libs/identity/api-keys.service.js');
const { MessageWriter } = await built('libs/conversations/message-writer.js');
const { MessagesService } = await built('libs/conversations/messages.service.js');
const { Outbox } = await built('libs/events/outbox.js');
const { V1EventFormat } = await built('libs/dialects/v1/v1.events.js');

export const TEXT = 'Thank you for your patience: the parcel left our warehouse this morning and arrives on Friday.';
const NUMBER = 4_242_424_242;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * @typedef {'conversation' | 'message' | 'event' | 'number' | null} Varying
 * @typedef {{ name: string, text: string, values: unknown[], varying: Varying[] }} Statement
 * @param {string} organizationId @param {string} apiKey @returns {Promise<Record<'authenticate' | 'target' | 'write', Statement>>}
 */
export async function recordStatements(organizationId, apiKey) {
  /** @type {Statement[]} */
  const recorded = [];
  const [conversationId, channelId] = [seededId('conversation', 1), seededId('channel', 1)];
  const answers = [
    [{ organizationId, id: seededId('user', 1), name: 'Admin key', scopes: ['admin'] }],
    [{ channelId, channelType: 'api', channelActive: true, closed: false, number: NUMBER }],
    [{ seq: 1 }],
  ];
  const run = async (/** @type {unknown} */ _, /** @type {Statement} */ statement, /** @type {unknown[]} */ values) => {
    recorded.push({ ...statement, values, varying: [] });
    return answers[recorded.length - 1];
  };
  const db = { prepared: run, lookup: run };
  const author = await new ApiKeysService(db).authenticate(apiKey);
  const writer = new MessageWriter(db, new Outbox(new V1EventFormat(), { afterCommit: () => undefined }));
  const content = { type: 'text', text: TEXT };
  const message = await new MessagesService(db, writer).reply(author, {
    conversationId,
    content,
    clientMessageId: null,
    metadata: {},
  });
  if (recorded.length !== 3)
    throw new Error(`A POST takes ${recorded.length} statements now: bring this file up to date`);
  for (const statement of recorded)
    statement.varying = statement.values.map((value) => {
      if (value === conversationId) return 'conversation';
      if (value === message.id) return 'message';
      if (value === NUMBER) return 'number';
      const known = value === organizationId || value === channelId;
      return typeof value === 'string' && UUID.test(value) && !known ? 'event' : null;
    });
  const [authenticate, target, write] = recorded;
  return { authenticate, target, write };
}
