import * as v1 from '../../dialects/v1/v1-fixtures.js';
import type { Answer, Resource } from '../../support/api-client.js';
import { offer, type Acts, type Driver, type Fact, type Facts, type Line, type Standing } from './driver.js';
import { nameOf, type Kind, type Life } from './world.js';

const at = ({ conversation }: Life): string => `/v1/conversations/${conversation.id}`;

/** What is opened natively where another dialect would say it in its own words. */
const OPENED: Readonly<Record<Kind, (life: Life) => v1.Json>> = {
  ticket: ({ world, contact, ticket, subject }) => ({
    channelId: world.channels.internal,
    contactId: contact?.id,
    ticketId: ticket?.id,
    subject,
    assigneeId: world.staff.id,
  }),
  team: ({ world, subject, entityId }) => ({
    channelId: world.channels.internal,
    subject,
    entity: { type: 'work_order', id: entityId },
    userIds: [world.staff.id, world.reader.id],
  }),
  phone: ({ world, phone }) => ({ channelId: world.channels.whatsapp, contact: { phone } }),
  chat: ({ world, contact, ticket, subject }) => ({
    channelId: world.channels.api,
    contactId: contact?.id,
    ticketId: ticket?.id,
    subject,
  }),
};

export const open = (life: Life): Promise<Answer> => life.author.post('/v1/conversations', OPENED[life.kind](life));

/** As the staff: said at once, unless `more` makes something else of it. */
export const write = (life: Life, text: string, more: object = {}): Promise<Answer> =>
  life.author.post(`${at(life)}/messages`, { content: { type: 'text', text }, ...more });

/** Every act in native words. */
export const NATIVELY: Acts = {
  write: (life, text) => write(life, text),
  answer: (life, text) => {
    if (!life.contact) throw new Error('Nobody is there to answer');
    return life.contact.api.post(`${at(life)}/messages`, { content: { type: 'text', text } });
  },
  assign: (life, { id }) => life.author.post(`${at(life)}/assign`, { assigneeId: id }),
  unassign: (life) => life.author.post(`${at(life)}/unassign`),
  close: (life) => life.author.post(`${at(life)}/close`),
  reopen: (life) => life.author.post(`${at(life)}/reopen`),
  archive: (life) => life.author.patch(at(life), { archived: true }),
};

export const join = (life: Life, userId: string): Promise<Answer<unknown>> =>
  life.author.post<unknown>(`${at(life)}/participants`, { userId });

function lineOf(life: Life, { attributes }: Resource): Line {
  const show = (path: string): unknown => v1.at(attributes, path);
  let standing: Standing = 'waiting';
  if (show('direction') === 'internal') standing = 'note';
  else if (show('draft')) standing = 'draft';
  else if (show('direction') === 'inbound' || show('sentAt')) standing = 'said';
  return { text: show('content.text') as string, from: nameOf(life, show('sender.id')), standing };
}

async function facts(life: Life): Promise<Facts> {
  const { key } = life.world;
  const shown = v1.ok(await key.get(at(life))).attributes;
  const show = (path: string): unknown => v1.at(shown, path);
  const participants = v1.ok(await key.get<Resource[]>(`${at(life)}/participants`));
  const messages = v1.ok(await key.get<Resource[]>(`${at(life)}/messages?limit=100`));
  return {
    closed: show('status') === 'closed',
    archived: show('archivedAt') !== null,
    assignee: nameOf(life, show('assignee.id')),
    contact: nameOf(life, show('contact.id')),
    channel: show('channel.type') as string,
    subject: show('subject') as string | null,
    entity: (show('entity.id') ?? null) as string | null,
    participants: participants.map(({ id }) => nameOf(life, id) ?? '').sort(),
    lines: messages.map((message) => lineOf(life, message)),
  };
}

const ALL: readonly Fact[] = [
  'closed',
  'archived',
  'assignee',
  'contact',
  'channel',
  'subject',
  'entity',
  'participants',
  'lines',
];

/** The native contract: whatever can be done, in the words that all others are held against. */
export const V1_DRIVER: Driver = {
  name: 'v1',
  author: 'staff',
  opening: { act: open, of: ['ticket', 'team', 'phone', 'chat'], again: 'is refused' },
  offers: {
    write: offer(NATIVELY.write),
    answer: offer(NATIVELY.answer),
    assign: offer(NATIVELY.assign),
    unassign: offer(NATIVELY.unassign),
    close: offer(NATIVELY.close),
    reopen: offer(NATIVELY.reopen),
    archive: offer(NATIVELY.archive),
  },
  shows: { ticket: ALL, team: ALL, phone: ALL, chat: ALL },
  hears: ['said', 'note', 'draft', 'waiting'],
  because: 'it shows everything',
  facts,
};
