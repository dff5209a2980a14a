import { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { ConversationNotFoundError, VersionMismatchError } from './conversations.errors.js';
import type { ConversationCommand } from './conversations.types.js';

/**
 * The conversation, locked until the transaction ends: whoever changes one goes through here first.
 * @throws ConversationNotFoundError; VersionMismatchError when the caller expected another version
 */
export async function lockConversation(
  tx: Tx,
  organizationId: string,
  { conversationId, expectedVersion }: ConversationCommand,
): Promise<Conversation> {
  const where = { organizationId, id: conversationId };
  const conversation = await tx.findOne(Conversation, { where, lock: { mode: 'pessimistic_write' } });
  if (!conversation) throw new ConversationNotFoundError();
  if (expectedVersion !== undefined && expectedVersion !== conversation.version) {
    throw new VersionMismatchError(conversation.version);
  }
  return conversation;
}
