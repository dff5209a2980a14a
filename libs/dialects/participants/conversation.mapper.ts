import type { UpdateConversation } from '@hub/conversations/conversations.types.js';
import type { OpenInternal } from '@hub/conversations/internal-conversations.service.js';
import type { ListByParticipant } from '@hub/conversations/participants.queries.js';
import type { ParticipantView } from '@hub/conversations/participants.js';
import type { TranscriptLine } from '@hub/conversations/transcripts.queries.js';
import type { MessageContent } from '@hub/model/message.entity.js';
import type { ConversationView } from '@hub/model/views.js';
import { ValidationError } from '@hub/platform/errors.js';
import type { ConversationCreate, ConversationUpdate, ListConversationsQuery } from './conversation.dto.js';

/** A conversation but for its messages: what comes before and what comes after them. */
export interface Framed {
  readonly id: string;
  readonly before: object;
  readonly after: object;
}

export const conversationOf = (view: ConversationView, participants: readonly ParticipantView[]): Framed => ({
  id: view.id,
  before: {
    id: view.id,
    organization_id: view.organizationId,
    subject: view.subject,
    entity_type: view.entity?.type ?? null,
    entity_id: view.entity?.id ?? null,
    status: statusOf(view),
    participants: participants.map(({ id, kind, name, joinedAt }) => ({ id, type: kind, name, joined_at: joinedAt })),
  },
  after: { created_at: view.createdAt, updated_at: view.updatedAt },
});

/** What is not closed is active, also while it waits or sleeps. */
export function statusOf({ status, archivedAt }: Pick<ConversationView, 'status' | 'archivedAt'>): string {
  if (archivedAt) return 'archived';
  return status === 'closed' ? 'closed' : 'active';
}

export const messageOf = (line: Omit<TranscriptLine, 'seq'>): object => ({
  id: line.id,
  conversation_id: line.conversationId,
  sender_id: line.sender.id,
  body: bodyOf(line.content),
  created_at: line.createdAt,
});

/** A message in words: its own, else what stands for it. Nothing is left of a message that was deleted. */
function bodyOf(content: MessageContent): string {
  if (content.type === 'location' && !content['name'] && !content['address']) {
    return `${String(content['latitude'])}, ${String(content['longitude'])}`;
  }
  const template = content['template'] as { readonly name?: unknown } | undefined;
  const words = [...WORDS.map((field) => content[field]), template?.name];
  return words.find((word): word is string => typeof word === 'string' && word !== '') ?? '';
}

const WORDS = ['text', 'caption', 'html', 'name', 'address', 'filename', 'url'] as const;

export const toList = ({ entity_type, entity_id, page, limit }: ListConversationsQuery): ListByParticipant => ({
  ...(entity_type !== undefined && { entityType: entity_type }),
  ...(entity_id !== undefined && { entityId: entity_id.toLowerCase() }),
  page,
  limit,
});

/** @throws ValidationError naming the half of the entity that is missing */
export function toOpen(body: ConversationCreate, creatorId: string): OpenInternal {
  const { subject = null, entity_type: type, entity_id: id, participant_user_ids = [] } = body;
  if (type !== undefined && id === undefined) throw half('entity_id', 'entity_type');
  if (id !== undefined && type === undefined) throw half('entity_type', 'entity_id');
  return {
    subject,
    entity: type === undefined || id === undefined ? null : { type, id: id.toLowerCase() },
    userIds: [creatorId, ...participant_user_ids.map((one) => one.toLowerCase())],
  };
}

const half = (missing: string, given: string): ValidationError =>
  ValidationError.of(`body.${missing}`, `${missing} is required with ${given}`);

/**
 * The change that is wanted of `present`: none where it is so already. What wakes or reopens it depends on how it was
 * seen, and goes through only if it still is.
 */
export function toUpdate({ subject, status }: ConversationUpdate, present: ConversationView): UpdateConversation {
  const reopens = (status === 'active' || status === 'open') && ['closed', 'snoozed'].includes(present.status);
  return {
    conversationId: present.id,
    ...(subject !== undefined && { subject }),
    ...(status === 'archived' && { archived: true }),
    ...(status === 'closed' && { status: 'closed', archived: false }),
    ...(reopens && { status: 'open' }),
    ...((status === 'active' || status === 'open') && { expectedVersion: present.version }),
  };
}
