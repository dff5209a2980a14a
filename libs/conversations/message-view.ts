import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Reader, Tx } from '@hub/model/database.js';
import type { MessageView } from '@hub/model/views.js';
import { lockConversation } from './conversation-lock.js';
import { MessageNotFoundError } from './conversations.errors.js';

/** One message with its attachments; `m` is the message, whichever way the caller finds it. Without its raw source. */
export const MESSAGE_SELECT = `
  SELECT m.organization_id AS "organizationId", m.id, m.number, m.conversation_id AS "conversationId",
    m.channel_id AS "channelId", m.seq, m.direction, m.content, m.status, m.sender, m.external_id AS "externalId",
    m.client_message_id AS "clientMessageId", m.metadata, m.recipients,
    CASE WHEN m.draft_state IS NOT NULL THEN jsonb_build_object('state', m.draft_state, 'reason', m.draft_reason,
      'reviewedBy', m.draft_reviewed_by,
      'reviewedAt', to_char(m.draft_reviewed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END AS draft,
    CASE WHEN m.attachment_count > 0 THEN coalesce((SELECT jsonb_agg(jsonb_build_object('id', a.id, 'number', a.number,
        'kind', a.kind, 'name', a.name, 'contentType', a.content_type, 'size', a.size, 'width', a.width,
        'height', a.height, 'inline', a.inline, 'stored', a.storage_key IS NOT NULL, 'originalUrl', a.original_url,
        'extractionStatus', a.extraction_status, 'extractedData', a.extracted_data,
        'extractionData', a.extraction_data) ORDER BY a.number)
      FROM attachment a WHERE a.organization_id = m.organization_id AND a.message_id = m.id), '[]')
      ELSE '[]' END AS attachments,
    m.scheduled_at AS "scheduledAt", m.sent_at AS "sentAt", m.delivered_at AS "deliveredAt", m.read_at AS "readAt",
    m.failed_at AS "failedAt", m.failed_reason AS "failedReason", m.outcome_unknown AS "outcomeUnknown",
    m.deleted_at AS "deletedAt", m.occurred_at AS "occurredAt", m.created_at AS "createdAt",
    m.direction <> 'inbound' OR m.seq <= mc.read_seq AS "readByStaff"
  FROM message m JOIN conversation mc ON mc.organization_id = m.organization_id AND mc.id = m.conversation_id`;

/** One message as it stands in this transaction. @throws MessageNotFoundError */
export async function loadMessage(tx: Reader, organizationId: string, id: string): Promise<MessageView> {
  const [row] = await tx.query<MessageView[]>(`${MESSAGE_SELECT} WHERE m.organization_id = $1 AND m.id = $2`, [
    organizationId,
    id,
  ]);
  if (!row) throw new MessageNotFoundError();
  return row;
}

/**
 * A message and its conversation, which is locked until the transaction ends: whoever changes a message goes through
 * here first, so that locks are taken in one order. @throws MessageNotFoundError
 */
export async function lockMessage(
  tx: Tx,
  organizationId: string,
  id: string,
): Promise<{ message: MessageView; conversation: Conversation }> {
  const [row] = await tx.query<{ conversationId: string }[]>(
    `SELECT conversation_id AS "conversationId" FROM message WHERE organization_id = $1 AND id = $2`,
    [organizationId, id],
  );
  if (!row) throw new MessageNotFoundError();
  const conversation = await lockConversation(tx, organizationId, row);
  return { conversation, message: await loadMessage(tx, organizationId, id) };
}
