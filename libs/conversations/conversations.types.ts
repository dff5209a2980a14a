import type { ContactHint } from '@hub/contacts/contacts.types.js';
import type { ConversationStatus, Priority, Resolution } from '@hub/model/conversation.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';

/** Every change of a conversation: which one, and the version the caller believes it has, if it cares. */
export interface ConversationCommand {
  readonly conversationId: string;
  readonly expectedVersion?: number;
}

/** Tags of one conversation, at most. */
export const MAX_TAGS = 50;

/**
 * What to do where the contact has a conversation on the channel. `conflict`: refuse, where the channel takes one live
 * conversation of each contact. `return`: give back the live one. `reopen`: as that, and without a live one reopen the
 * last one. `create`: open another, where the channel takes several. Without any, each of them opens one.
 */
export const ON_EXISTING = ['conflict', 'reopen', 'return', 'create'] as const;
export type OnExisting = (typeof ON_EXISTING)[number];

/** What became of a command that makes something unless it is there. */
export type Outcome = 'created' | 'reopened' | 'unchanged';

export interface OpenConversation {
  readonly channelId: string;
  /** A known contact, or the person to find or make; null where colleagues talk among themselves. */
  readonly contact: { readonly id: string } | ContactHint | null;
  /** The ticket it hangs on, one of the caller's organization. */
  readonly ticketId?: string | null;
  /** The record of another system that it is about. */
  readonly entity?: { readonly type: string; readonly id: string } | null;
  /** Users who take part from the start, besides whoever gets it. */
  readonly userIds?: readonly string[];
  /** Whether these may be users who are no staff, too. */
  readonly anyRole?: boolean;
  /** The channel's default bot unless set. */
  readonly botId: string | null;
  readonly subject: string | null;
  readonly priority: Priority;
  readonly metadata: JsonObject;
  readonly tags: readonly string[];
}

/** Absent fields stay as they are. */
export interface UpdateConversation extends ConversationCommand {
  readonly status?: ConversationStatus;
  readonly subject?: string | null;
  readonly priority?: Priority;
  /** Merged: a key set to null is removed. */
  readonly metadata?: JsonObject;
  /** Replaced. */
  readonly tags?: readonly string[];
  readonly snoozedUntil?: Date;
  /** The ticket it hangs on; null: on none. */
  readonly ticketId?: string | null;
  /** The record of another system that it is about; null: none. */
  readonly entity?: { readonly type: string; readonly id: string } | null;
  /** Put away, which closes it; or taken out again, which leaves it closed. */
  readonly archived?: boolean;
}

export interface ChangeTags extends ConversationCommand {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

export interface CloseConversation extends ConversationCommand {
  readonly reason: string | null;
  readonly resolution: Resolution | null;
  /** Kept as a private note. */
  readonly notes: string | null;
}
