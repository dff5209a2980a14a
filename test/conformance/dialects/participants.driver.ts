import * as v1 from '../../dialects/v1/v1-fixtures.js';
import { bodyOf, offer, type Driver, type Fact, type Facts } from './driver.js';
import { nameOf, type Life } from './world.js';

interface Conversation {
  readonly subject: string | null;
  readonly entity_id: string | null;
  readonly status: string;
  readonly participants: readonly { readonly id: string }[];
  readonly messages: readonly { readonly sender_id: string | null; readonly body: string }[];
}

const BASE = '/api/v2/conversations';
const at = ({ conversation }: Life): string => `${BASE}/${conversation.uuid}`;

async function facts(life: Life): Promise<Partial<Facts>> {
  const shown = bodyOf<Conversation>(await life.world.reader.api.get<unknown>(at(life)));
  return {
    closed: shown.status !== 'active',
    archived: shown.status === 'archived',
    subject: shown.subject,
    entity: shown.entity_id,
    participants: shown.participants.map(({ id }) => nameOf(life, id) ?? '').sort(),
    lines: shown.messages.map(({ body, sender_id }) => {
      return { text: body, from: nameOf(life, sender_id), standing: 'said' };
    }),
  };
}

const SHOWN: readonly Fact[] = ['closed', 'archived', 'subject', 'entity', 'participants', 'lines'];

export const PARTICIPANTS_DRIVER: Driver = {
  name: 'participants',
  author: 'staff',
  opening: {
    act: ({ author, subject, entityId, world }) =>
      author.post<unknown>(BASE, {
        subject,
        entity_type: 'work_order',
        entity_id: entityId,
        participant_user_ids: [v1.uuid(world.reader.id)],
      }),
    of: ['team'],
    again: 'opens another',
  },
  offers: {
    write: offer((life, body) => life.author.post<unknown>(`${at(life)}/messages`, { body })),
    close: offer((life) => life.author.patch<unknown>(at(life), { status: 'closed' })),
    reopen: offer((life) => life.author.patch<unknown>(at(life), { status: 'active' })),
    archive: offer((life) => life.author.patch<unknown>(at(life), { status: 'archived' })),
  },
  shows: { ticket: SHOWN, team: SHOWN, phone: SHOWN, chat: SHOWN },
  hears: ['said'],
  because: 'participants may be customers: they read what was said, and nobody is in charge among them',
  facts,
};
