// Rows to measure on, loaded by COPY. Ids are computed, so that a benchmark knows them without asking.
//
//   node test/bench/seed.mjs <url of a superuser> <organization's UUID> 100000    fills a database that is there
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { copyInto } from './copy.mjs';
import { progress, progressBar, progressDone } from './report.mjs';

export const USERS = 200;
export const CHANNELS = 20;
/** Contacts per conversation. */
const CONTACTS = 0.8;
const MESSAGES = 10;
/** One conversation is as long as this, once there are enough. */
export const LONG = { conversation: 5, messages: 5_000, from: 1_000 };
/** Whose messages lie side by side, as those of one day do. */
const BLOCK = 500;
const DAY_MS = 86_400_000;
const YEARS_MS = 2 * 365 * DAY_MS;
/** In twenty conversations, however many there are; and in every tenth message. */
export const RARE_WORD = 'quokka';
export const COMMON_WORD = 'order';

const KINDS = { user: 1, channel: 2, contact: 3, conversation: 4, message: 5, identity: 6 };
const split = (/** @type {string} */ words) => words.trim().split(/\s+/);
const FIRST = split(
  'Ana Bruno Carla Diego Elena Felipe Gabriela Hugo Irene Joao Karina Lucas Maria Nuno Olga Pedro Rita Sofia Tiago Vera',
);
const LAST = split(`Almeida Barbosa Cardoso Dias Esteves Ferreira Gomes Henriques Lima Macedo Nogueira Oliveira Pereira
  Queiroz Ribeiro Silva Teixeira Uchoa Vieira Zanetti Alves Braga Castro Duarte Faria Garcia Leal Matos Neves Pinto`);
const WORDS =
  split(`the parcel has not arrived yet please tell me when it will be delivered thank you for your help with
  my invoice and address payment account password contract receipt colour size stock price refund we sent a new one
  this morning can i change number in it still waiting since monday good afternoon hello yes no tomorrow courier`);
const TAGS = ['vip', 'refund', 'sales', 'complaint', 'follow-up', 'wholesale', 'newsletter'];

/** @param {keyof typeof KINDS} kind @param {number} n from 1 */
export const seededId = (kind, n) => `00000000-0000-7000-800${KINDS[kind]}-${n.toString(16).padStart(12, '0')}`;

/** The same as {@link seededId} in SQL. @param {keyof typeof KINDS} kind @param {string} n an expression */
export const seededIdSql = (kind, n) =>
  `('00000000-0000-7000-800${KINDS[kind]}-' || lpad(to_hex((${n})::bigint), 12, '0'))::uuid`;

/** Scatters: neighbours in `n` are far apart in the outcome. @param {number} n @param {number} below */
const scatter = (n, below) => (Math.imul(n ^ (n >>> 15), 0x2c1b3c6d) >>> 8) % below;

/**
 * An organization as one looks after two years: most of its conversations are closed, the latest are not.
 * @param {import('pg').Client} admin as superuser: foreign keys are not checked row by row
 * @param {string} organizationId @param {number} conversations @param {boolean} messages
 */
export async function seed(admin, organizationId, conversations, messages) {
  const org = new Organization(organizationId, conversations);
  const long = messages && conversations >= LONG.from ? LONG.messages - MESSAGES : 0;
  const total = org.contacts + conversations * (messages ? 1 + MESSAGES : 1) + long;
  let done = 0;
  /** @param {Iterable<import('./copy.mjs').Value[]>} rows */
  function* counted(rows) {
    for (const row of rows) {
      if (done++ % 10_000 === 0) progressBar(`seeding ${conversations} conversations`, done, total);
      yield row;
    }
  }
  await admin.query(`SET session_replication_role = replica; SET synchronous_commit = off`);
  await copyInto(admin, `users (${USER})`, org.userRows());
  await copyInto(admin, `channel (${CHANNEL})`, org.channelRows());
  await copyInto(admin, `contact (${CONTACT})`, counted(org.contactRows()));
  await copyInto(admin, `contact_identity (${IDENTITY})`, org.identityRows());
  await copyInto(admin, `conversation (${CONVERSATION})`, counted(org.conversationRows()));
  if (messages) await copyInto(admin, `message (${MESSAGE})`, counted(org.messageRows()));
  if (long) await copyInto(admin, `message (${MESSAGE})`, counted(org.longRows()));
}

/**
 * Several organizations in one database, with their indexes made at the end, and what the planner and index-only scans
 * need. @param {import('pg').Client} admin @param {[id: string, conversations: number][]} organizations
 * @param {boolean} [messages] false where nothing reads them
 */
export async function seedAll(admin, organizations, messages = true) {
  const { rows: indexes } = await admin.query(`
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
    WHERE i.indrelid IN ('contact'::regclass, 'conversation'::regclass, 'message'::regclass)
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`);
  await admin.query(`SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 2`);
  for (const { name } of indexes) await admin.query(`DROP INDEX ${name}`);
  for (const [id, conversations] of organizations) await seed(admin, id, conversations, messages);
  for (const [i, { name, definition }] of indexes.entries()) {
    progressBar(`index ${name}`, i, indexes.length);
    await admin.query(definition);
  }
  progress('vacuum and analyze');
  await admin.query('CHECKPOINT'); // VACUUM marks as visible only what has reached the disk
  await admin.query('VACUUM (ANALYZE)');
  await admin.query('CHECKPOINT');
}

const USER = 'organization_id, id, email, email_key, name, role, status';
const CHANNEL = 'organization_id, id, name, type, status';
const CONTACT = 'organization_id, id, name, email, phone, tags, created_at, updated_at';
const IDENTITY = 'organization_id, id, contact_id, channel_type, channel_id, identifier';
const CONVERSATION = `organization_id, id, channel_id, contact_id, status, snoozed_until, closed_at, assignee_type, assignee_id,
  assigned_at, first_message_at, last_message_at, last_inbound_at, last_message_id, message_count, unread_count, tags,
  message_seq, created_at, updated_at`;
const MESSAGE = `organization_id, id, conversation_id, channel_id, seq, direction, content_type, content, text, status, sender,
  occurred_at, created_at`;

/** The rows of one organization, each a pure function of its number. */
class Organization {
  /** @param {string} id @param {number} conversations */
  constructor(id, conversations) {
    this.id = id;
    this.conversations = conversations;
    this.contacts = Math.ceil(conversations * CONTACTS);
    this.now = Date.now();
  }

  *userRows() {
    for (let i = 1; i <= USERS; i++) {
      const email = `agent${i}@example.com`;
      yield [this.id, seededId('user', i), email, email, `Agent ${i}`, 'agent', 'active'];
    }
  }

  *channelRows() {
    for (let i = 1; i <= CHANNELS; i++) yield [this.id, seededId('channel', i), `Channel ${i}`, 'api', 'active'];
  }

  *contactRows() {
    for (let i = 1; i <= this.contacts; i++) {
      const at = this.time(i / this.contacts);
      const tags = i % 9 ? '{}' : `{${TAGS[i % TAGS.length]}}`;
      const name = `${FIRST[scatter(i, FIRST.length)]} ${LAST[scatter(i * 31, LAST.length)]}`;
      const phone = `+5511${String(i).padStart(9, '0')}`;
      yield [this.id, seededId('contact', i), name, `person${i}@example.com`, phone, tags, at, at];
    }
  }

  *identityRows() {
    for (let i = 1; i <= this.contacts; i++) {
      const ids = [seededId('identity', i), seededId('contact', i)];
      yield [this.id, ...ids, 'api', this.channelOf(i), `person-${i}`];
    }
  }

  *conversationRows() {
    for (let i = 1; i <= this.conversations; i++) {
      const status = this.statusOf(i);
      const [created, last] = [this.time(i / this.conversations), this.messageTime(i, MESSAGES)];
      const isClosed = status === 'closed';
      const touched = Date.parse(last) + (isClosed ? scatter(i * 7, 30) * DAY_MS : 0);
      const assignee =
        i % 10 < 7 ? ['user', seededId('user', 1 + scatter(i * 13, USERS)), created] : [null, null, null];
      const count = i === LONG.conversation && this.conversations >= LONG.from ? LONG.messages : MESSAGES;
      yield [
        this.id,
        seededId('conversation', i),
        this.channelOf(i),
        seededId('contact', this.contactOf(i)),
        status,
        status === 'snoozed' ? '2100-01-01T00:00:00Z' : null,
        isClosed ? last : null,
        ...assignee,
        created,
        last,
        last,
        seededId('message', this.messageNumber(i, MESSAGES)),
        count,
        isClosed ? 0 : 1,
        i % 4 ? '{}' : `{${TAGS[scatter(i, TAGS.length)]}}`,
        count,
        created,
        new Date(Math.min(this.now, touched)).toISOString(),
      ];
    }
  }

  /** In blocks, so that the messages of a conversation do not lie side by side. */
  *messageRows() {
    for (let from = 1; from <= this.conversations; from += BLOCK) {
      const to = Math.min(this.conversations, from + BLOCK - 1);
      for (let seq = 1; seq <= MESSAGES; seq++) {
        for (let i = from; i <= to; i++) yield this.messageRow(i, seq, this.messageNumber(i, seq));
      }
    }
  }

  *longRows() {
    const from = this.conversations * MESSAGES;
    for (let seq = MESSAGES + 1; seq <= LONG.messages; seq++) yield this.messageRow(LONG.conversation, seq, from + seq);
  }

  /** @param {number} i the conversation @param {number} seq @param {number} n */
  messageRow(i, seq, n) {
    const isOurs = seq % 2 === 0;
    const text = this.text(i, seq, n);
    const sender = isOurs
      ? { type: 'user', id: seededId('user', 1 + scatter(i * 13, USERS)), name: 'Agent' }
      : { type: 'contact', id: seededId('contact', this.contactOf(i)), name: null };
    const at = this.messageTime(i, seq);
    return [
      this.id,
      seededId('message', n),
      seededId('conversation', i),
      this.channelOf(i),
      seq,
      isOurs ? 'outbound' : 'inbound',
      'text',
      JSON.stringify({ type: 'text', text }),
      text,
      isOurs ? 'delivered' : 'sent',
      JSON.stringify(sender),
      at,
      at,
    ];
  }

  /** @param {number} i @param {number} seq @param {number} n */
  text(i, seq, n) {
    const words = Array.from({ length: 6 + scatter(n, 12) }, (_, w) => {
      const place = scatter(n * 17 + w, WORDS.length ** 2);
      return WORDS[Math.floor(Math.sqrt(place))]; // the further back in the list, the more often
    });
    if (n % 10 === 0) words.push(COMMON_WORD);
    if (seq === 3 && i % Math.ceil(this.conversations / 20) === 0) words.push(RARE_WORD);
    words.push(String(n));
    return words.join(' ');
  }

  /** Its place among all messages, as they lie. @param {number} i @param {number} seq */
  messageNumber(i, seq) {
    const from = Math.floor((i - 1) / BLOCK) * BLOCK;
    const size = Math.min(BLOCK, this.conversations - from);
    return from * MESSAGES + (seq - 1) * size + (i - from);
  }

  /** Everybody once in each round. @param {number} i */
  contactOf(i) {
    return 1 + (((i - 1) * 7_919) % this.contacts);
  }

  /** Another channel in each round: there is one live conversation per contact and channel. @param {number} i */
  channelOf(i) {
    const round = Math.floor((i - 1) / this.contacts);
    return seededId('channel', 1 + ((this.contactOf(i) + round) % CHANNELS));
  }

  /** 15 % are open, 5 % pending, 2 % snoozed: mostly the late ones. @param {number} i */
  statusOf(i) {
    const dice = scatter(i * 3, 1_000) / (0.5 + i / this.conversations);
    return dice < 150 ? 'open' : dice < 200 ? 'pending' : dice < 220 ? 'snoozed' : 'closed';
  }

  /** @param {number} share of the two years */
  time(share) {
    return new Date(this.now - DAY_MS - YEARS_MS * (1 - share)).toISOString();
  }

  /** @param {number} i @param {number} seq */
  messageTime(i, seq) {
    const start = this.now - DAY_MS - YEARS_MS * (1 - i / this.conversations);
    return new Date(start + Math.min(seq, MESSAGES) * (1 + scatter(i, 120)) * 60_000).toISOString();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [url, organizationId, count] = process.argv.slice(2);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await seedAll(client, [[organizationId, Number(count)]]);
  await client.end();
  progressDone();
}
