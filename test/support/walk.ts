import type { Answer } from './api-client.js';
import type { Hub } from './harness.js';
import type { Route } from './routes.js';

/** One record of each kind of one organization, by the kind (`conv`, `contact`, …). */
export type World = Readonly<Record<string, string>>;

/** Who can sign in. */
export interface Person {
  readonly email: string;
  readonly password: string;
}

/** How the walk calls one operation. */
export interface Fixture {
  /** A body that the route takes, with every id it may carry, of `own` organization. */
  readonly body?: (own: World) => Readonly<Record<string, unknown>>;
  /**
   * `public`: answers without a key. `anyone`: any key will do, whatever its scopes. `staff`: no key will do, only users
   * who have signed in. Unset: as its scope says.
   */
  readonly access?: 'public' | 'anyone' | 'staff';
}

export interface Refusal {
  readonly status: number;
  readonly code?: string;
}

/** How the walk speaks one dialect. */
export interface Walk {
  /** Every operation of its document, as `GET /path/{id}`. One that is missing fails the walk by its name. */
  readonly fixtures: Readonly<Record<string, Fixture>>;
  /** The kinds of the ids that stand in a path, by the word before them. */
  readonly nouns: Readonly<Record<string, string>>;
  /** The kinds of the ids that a filter of this name takes. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
  /** Whether a field of a body or a filter of this name holds an id of ours. */
  readonly isIdField: (name: string) => boolean;
  /** Further addresses of the same route. */
  readonly aliases: (path: string) => readonly string[];
  /** Every way to send a key. */
  readonly credentials: (key: string) => readonly [Record<string, string>, ...Record<string, string>[]];
  /**
   * The credential of somebody of the first organization who may do everything: of `person`, who takes part in its
   * conversation, or somebody new; unset: its admin key. Where it is set, keys are let in nowhere.
   */
  readonly authority?: (hub: Hub, person: Person) => Promise<string>;
  readonly unauthenticated: Refusal;
  readonly invalidKey: Refusal;
  readonly forbidden: Refusal;
  readonly codeOf: (answer: Answer<unknown>) => string | undefined;
  /** What of a refusal must not differ between another organization's id and one that does not exist. */
  readonly worded: (answer: Answer<unknown>) => string;
  readonly isEmptyList: (answer: Answer<unknown>) => boolean;
  /** The records by the ids that this dialect knows them by; unset: the public ones. */
  readonly translate?: (hub: Hub, world: World) => Promise<World>;
}

export interface WalkedRoute extends Route {
  readonly walk: Walk;
}
