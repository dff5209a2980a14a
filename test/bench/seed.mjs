// Rows to measure on, made inside PostgreSQL. Ids are computed, so that a benchmark knows them without asking.
import { progressBar } from './report.mjs';

const CHUNK = 5_000;
const USERS = 50;
const CHANNELS = 5;
/** One contact in four conversations, each on another channel. */
const PER_CONTACT = 4;
const KINDS = { user: 1, channel: 2, contact: 3, conversation: 4, message: 5 };
const FIRST =
  'Ana Bruno Carla Diego Elena Felipe Gabriela Hugo Irene Joao Karina Lucas Maria Nuno Olga Pedro Rita Sofia Tiago Vera';
const LAST = `Almeida Barbosa Cardoso Dias Esteves Ferreira Gomes Henriques Lima Macedo Nogueira Oliveira Pereira Queiroz
  Ribeiro Silva Teixeira Uchoa Vieira Zanetti Alves Braga Castro Duarte Faria Garcia Leal Matos Neves Pinto`;
const WORDS =
  'order invoice refund parcel address payment account password delivery contract receipt colour size stock price';

/** @param {keyof typeof KINDS} kind @param {number} n from 1 */
export const seededId = (kind, n) => `00000000-0000-7000-800${KINDS[kind]}-${n.toString(16).padStart(12, '0')}`;

/** The same as {@link seededId} in SQL. @param {keyof typeof KINDS} kind @param {string} n an expression */
export const seededIdSql = (kind, n) =>
  `('00000000-0000-7000-800${KINDS[kind]}-' || lpad(to_hex((${n})::bigint), 12, '0'))::uuid`;

/** @param {string} words */
const array = (words) => `(ARRAY['${words.split(/\s+/).join("','")}'])`;
/** @param {string} words @param {string} n */
const pick = (words, n) => `${array(words)}[1 + (${n})::int % ${words.split(/\s+/).length}]`;
/** Scatters: neighbours in `n` are far apart in the outcome. @param {string} n @param {number} below */
const scatter = (n, below) => `((${n})::bigint * 7919 % ${below})`;

/**
 * @param {import('pg').Client} admin as superuser: foreign keys are not checked row by row
 * @param {string} organizationId @param {number} conversations
 */
export async function seed(admin, organizationId, conversations) {
  await admin.query(`SET session_replication_role = replica; SET synchronous_commit = off`);
  await admin.query(
    `INSERT INTO users (organization_id, id, email, email_key, name, role, status)
     SELECT $1, ${seededIdSql('user', 'i')}, 'agent' || i || '@example.com', 'agent' || i || '@example.com', 'Agent ' || i, 'agent', 'active'
     FROM generate_series(1, ${USERS}) i`,
    [organizationId],
  );
  await admin.query(
    `INSERT INTO channel (organization_id, id, name, type, status)
     SELECT $1, ${seededIdSql('channel', 'i')}, 'Channel ' || i, 'api', 'active' FROM generate_series(1, ${CHANNELS}) i`,
    [organizationId],
  );
  const contacts = Math.ceil(conversations / PER_CONTACT);
  const total = contacts + 2 * conversations;
  let done = 0;
  const insert = async (/** @type {string} */ statement, /** @type {number} */ count) => {
    for (let from = 1; from <= count; from += CHUNK) {
      const to = Math.min(count, from + CHUNK - 1);
      await admin.query(statement.replace('__SERIES__', `generate_series(${from}, ${to}) i`), [organizationId]);
      done += to - from + 1;
      progressBar(`seeding ${conversations} conversations`, done, total);
    }
  };
  await insert(CONTACT, contacts);
  await insert(conversationInsert(conversations, contacts), conversations);
  await insert(MESSAGE, conversations);
  await admin.query('CHECKPOINT'); // VACUUM marks as visible only what has reached the disk
  await admin.query('VACUUM (ANALYZE)');
  await admin.query('CHECKPOINT');
}

const CONTACT = `
  INSERT INTO contact (organization_id, id, name, email, phone)
  SELECT $1, ${seededIdSql('contact', 'i')}, ${pick(FIRST, 'i')} || ' ' || ${pick(LAST, 'i / 20')},
    'person' || i || '@example.com', '+5511' || lpad(i::text, 9, '0')
  FROM __SERIES__`;

/** Nine tenths are assigned or closed, as in an inbox that is worked on; the rest is spread over every status. */
const conversationInsert = (/** @type {number} */ count, /** @type {number} */ contacts) => `
  INSERT INTO conversation (organization_id, id, channel_id, contact_id, status, snoozed_until, closed_at, assignee_type,
    assignee_id, assigned_at, first_message_at, last_message_at, last_inbound_at, last_message_id, message_count,
    unread_count, tags, message_seq, created_at, updated_at)
  SELECT $1, ${seededIdSql('conversation', 'i')}, ${seededIdSql('channel', `1 + (i - 1) / ${contacts} % ${CHANNELS}`)},
    ${seededIdSql('contact', `1 + (i - 1) % ${contacts}`)}, status, CASE status WHEN 'snoozed' THEN '2100-01-01'::timestamptz END,
    CASE status WHEN 'closed' THEN at END, CASE WHEN i % 10 < 6 THEN 'user' END,
    CASE WHEN i % 10 < 6 THEN ${seededIdSql('user', `1 + ${scatter('i', 997)} % ${USERS}`)} END,
    CASE WHEN i % 10 < 6 THEN at END, at, at, at, ${seededIdSql('message', 'i')}, 1, 1, ARRAY['seeded'], 1, at,
    at + ${scatter('i', 1009)} * interval '1 minute'
  FROM (SELECT i, now() - interval '1 day' - (${count} - i) * interval '30 seconds' AS at,
      CASE WHEN ${scatter('i', 101)} < 70 THEN 'closed' WHEN ${scatter('i', 101)} < 90 THEN 'open'
        WHEN ${scatter('i', 101)} < 98 THEN 'pending' ELSE 'snoozed' END AS status
    FROM __SERIES__) seeded`;

const MESSAGE = `
  INSERT INTO message (organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, text, status,
    sender, occurred_at)
  SELECT $1, ${seededIdSql('message', 'i')}, ${seededIdSql('conversation', 'i')}, ${seededIdSql('channel', '1')}, 1, 'inbound',
    'text', jsonb_build_object('type', 'text', 'text', words), words, 'delivered',
    jsonb_build_object('type', 'contact', 'id', null, 'name', null), now()
  FROM (SELECT i, ${pick(WORDS, scatter('i', 1009))} || ' ' || ${pick(WORDS, scatter('i', 1013))} || ' number ' || i AS words
    FROM __SERIES__) seeded`;
