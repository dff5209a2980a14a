import { bodyOf, offer, type Driver, type Facts, type Line } from './driver.js';
import { nameOf, type Life } from './world.js';

interface Element {
  readonly content: string;
  readonly sender_id: number;
  readonly closed?: boolean;
}

interface History {
  readonly id: number;
  readonly closed: boolean;
  readonly Ticket: { readonly user_id: number; readonly staff_id: number | null };
}

const at = ({ conversation }: Life): string => `/conversation/${conversation.number}`;
const ofTicket = ({ ticket }: Life): string => `/conversation/ticket/${ticket?.number}`;

async function facts(life: Life): Promise<Partial<Facts>> {
  const { api } = life.world.staff;
  const elements = bodyOf<Element[]>(await api.get<unknown>(at(life)));
  const marker = elements.pop();
  const lines = elements.map(({ content, sender_id }): Line => {
    return { text: content, from: nameOf(life, sender_id), standing: 'said' };
  });
  if (!life.ticket) return { closed: marker?.closed ?? false, lines };
  const history = bodyOf<History>(await api.get<unknown>(`${ofTicket(life)}/history`));
  expect({ id: history.id, closed: history.closed }).toEqual({ id: life.conversation.number, closed: marker?.closed });
  const { user_id, staff_id } = history.Ticket;
  return { closed: history.closed, lines, contact: nameOf(life, user_id), assignee: nameOf(life, staff_id) };
}

export const TICKET_DESK_DRIVER: Driver = {
  name: 'ticket-desk',
  author: 'staff',
  opening: {
    act: ({ author, ...life }) => author.post<unknown>(ofTicket({ author, ...life })),
    of: ['ticket'],
    again: 'finds the first',
  },
  offers: {
    write: offer((life, content) => life.author.post<unknown>(`${at(life)}/message`, { content })),
    answer: offer((life, content) => {
      if (!life.contact) throw new Error('Nobody is there to answer');
      return life.contact.api.post<unknown>(`${at(life)}/message`, { content });
    }),
    close: offer((life) => life.author.patch<unknown>(at(life))),
    // it is said of the ticket, not of the conversation
    reopen: offer((life) => life.author.post<unknown>(ofTicket(life)), ['ticket', 'chat']),
  },
  shows: {
    ticket: ['closed', 'lines', 'contact', 'assignee'],
    chat: ['closed', 'lines', 'contact', 'assignee'],
    team: ['closed', 'lines'],
    phone: ['closed', 'lines'],
  },
  hears: ['said'],
  because: 'a customer reads the same list as the staff, and whose it is stands with the ticket only',
  facts,
};
