import type { Answer } from '../../support/api-client.js';
import type { Kind, Life, Person } from './world.js';

/** How much of it has been said, and by whom may it be seen: `waiting` is what the channel has not sent yet. */
export type Standing = 'said' | 'note' | 'draft' | 'waiting';

export interface Line {
  readonly text: string;
  /** Who wrote it, by name. */
  readonly from: string | null;
  readonly standing: Standing;
}

/** A conversation in nobody's words. */
export interface Facts {
  readonly closed: boolean;
  readonly archived: boolean;
  readonly assignee: string | null;
  readonly contact: string | null;
  readonly channel: string;
  readonly subject: string | null;
  readonly entity: string | null;
  readonly participants: readonly string[];
  readonly lines: readonly Line[];
}

export type Fact = keyof Facts;

/** What can be done with a conversation once it is open. */
export interface Acts {
  /** As the staff. */
  readonly write: (life: Life, text: string) => Promise<Answer<unknown>>;
  /** As the contact. */
  readonly answer: (life: Life, text: string) => Promise<Answer<unknown>>;
  readonly assign: (life: Life, to: Person) => Promise<Answer<unknown>>;
  readonly unassign: (life: Life) => Promise<Answer<unknown>>;
  readonly close: (life: Life) => Promise<Answer<unknown>>;
  readonly reopen: (life: Life) => Promise<Answer<unknown>>;
  readonly archive: (life: Life) => Promise<Answer<unknown>>;
}

/** An act, and of which conversations the contract offers it; unset: of all. */
export interface Offer<F> {
  readonly act: F;
  readonly of?: readonly Kind[];
}

export interface Opening {
  readonly act: (life: Life) => Promise<Answer<unknown>>;
  /** The conversations that it opens. */
  readonly of: readonly Kind[];
  /** What the same call again does. */
  readonly again: 'finds the first' | 'opens another' | 'is refused';
}

/** How the suite speaks one dialect. What its contract does otherwise than the others stands here, with the reason. */
export interface Driver {
  readonly name: string;
  /** As whom it changes: a member of the staff who has signed in, or an API key. */
  readonly author: 'staff' | 'key';
  readonly opening?: Opening;
  readonly offers: { readonly [A in keyof Acts]?: Offer<Acts[A]> };
  /** The facts that its contract shows, by the kind of the conversation; none where it has no address for it. */
  readonly shows: Readonly<Record<Kind, readonly Fact[]>>;
  /** The lines that its contract shows. */
  readonly hears: readonly Standing[];
  /** Why it shows no more than that. */
  readonly because: string;
  /** @throws Error when the conversation is not there */
  readonly facts: (life: Life) => Promise<Partial<Facts>>;
}

/** The body of an answer that succeeded. @throws Error with the answer otherwise */
export function bodyOf<T>({ status, text }: Answer<unknown>): T {
  if (status >= 300) throw new Error(`${status} ${text}`);
  return JSON.parse(text) as T;
}

export const offer = <F>(act: F, of?: readonly Kind[]): Offer<F> => ({ act, ...(of && { of }) });

/** What its contract shows of the facts. */
export function shownBy({ shows, hears }: Driver, kind: Kind, facts: Facts): Partial<Facts> {
  const seen: Facts = { ...facts, lines: facts.lines.filter(({ standing }) => hears.includes(standing)) };
  return Object.fromEntries(shows[kind].map((fact) => [fact, seen[fact]]));
}
