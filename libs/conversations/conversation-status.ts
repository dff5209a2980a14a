import type { ConversationStatus } from '@hub/model/conversation.entity.js';
import type { EventType } from '@hub/events/catalog.js';

type ConversationEvent = Extract<EventType, `conversation.${string}`>;

/** What each allowed change of status is told as. A pair that is not here is refused; a status to itself is no change. */
const TRANSITIONS: Record<ConversationStatus, Partial<Record<ConversationStatus, ConversationEvent>>> = {
  open: { pending: 'conversation.updated', snoozed: 'conversation.snoozed', closed: 'conversation.closed' },
  pending: { open: 'conversation.updated', snoozed: 'conversation.snoozed', closed: 'conversation.closed' },
  snoozed: { open: 'conversation.reopened', pending: 'conversation.updated', closed: 'conversation.closed' },
  closed: { open: 'conversation.reopened' },
};

/** The event of a change of status, or null when the change is not allowed. */
export const transitionEvent = (from: ConversationStatus, to: ConversationStatus): ConversationEvent | null =>
  TRANSITIONS[from][to] ?? null;
