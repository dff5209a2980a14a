import { bodyOf, type Driver, type Facts, type Line } from './driver.js';
import { nameOf, type Life } from './world.js';

interface Item {
  readonly private: boolean;
  readonly isDraft: boolean;
  readonly direction: 'in' | 'out';
  readonly sender: { readonly id?: number };
  readonly content: { readonly message: string };
}

function lineOf(life: Life, item: Item): Line {
  const standing = item.private ? 'note' : item.isDraft ? 'draft' : 'said';
  const from = nameOf(life, item.sender.id ?? 0);
  expect({ from, direction: item.direction }).toEqual({ from, direction: from === 'Casey' ? 'in' : 'out' });
  return { text: item.content.message, from, standing };
}

async function facts(life: Life): Promise<Partial<Facts>> {
  const path = `/api/mind/ticket/${life.ticket?.number}/conversation`;
  const { conversations } = bodyOf<{ conversations: Item[] }>(await life.world.staff.api.get<unknown>(path));
  return { lines: conversations.map((item) => lineOf(life, item)) };
}

export const ENNEO_DRIVER: Driver = {
  name: 'enneo',
  author: 'staff',
  offers: {},
  shows: { ticket: ['lines'], chat: ['lines'], team: [], phone: [] },
  hears: ['said', 'note', 'draft'],
  because: 'it knows tickets, and of them the messages only; what has not gone out yet would look sent',
  facts,
};
