import type { AssigneeType } from '@hub/model/conversation.entity.js';
import type { ConversationView } from '@hub/model/views.js';
import type {
  ConversationCommand,
  OnExisting,
  OpenConversation,
  Outcome,
} from '@hub/conversations/conversations.types.js';
import type { TargetRef } from '@hub/assignment/routing/targets.js';

/** Who is to get a conversation. */
export interface AssigneeRef {
  readonly type: AssigneeType;
  readonly id: string;
}

export interface AssignConversation extends ConversationCommand {
  readonly to: TargetRef;
  /** Kept as a private note. */
  readonly note: string | null;
}

export interface TransferConversation extends ConversationCommand {
  readonly to: TargetRef;
  /** `cold` unless set: handed over at once. `warm`: offered to a user; whoever has it keeps it until it is accepted. */
  readonly mode?: 'cold' | 'warm';
  readonly reason: string | null;
  /** What the new assignee should know; kept as a private note. */
  readonly summary: string | null;
  /** Tells the contact, in the conversation's own channel. */
  readonly notifyContact: boolean;
}

export interface OpenAssigned extends OpenConversation {
  /** Who or which queue gets it when it is opened; one that is there already stays in its hands. */
  readonly assignee: TargetRef | null;
  /** `conflict` unless set. */
  readonly onExisting?: OnExisting;
}

export interface Opened {
  readonly conversation: ConversationView;
  readonly outcome: Outcome;
}
