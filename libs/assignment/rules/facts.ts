import type { Conversation } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { Facts } from './conditions.js';

interface Around {
  readonly channelType: string;
  readonly contact: Facts['contact'];
  readonly messageText: string | null;
}

/**
 * What conditions can ask about a locked conversation, as it stands now.
 * @param messageId whose text `message.text` is; null: that of the first message
 */
export async function loadFacts(tx: Tx, conversation: Conversation, messageId: string | null = null): Promise<Facts> {
  const { organizationId, id, channelId, contactId, assigneeType, assigneeId } = conversation;
  const [around] = await tx.query<Around[]>(FACTS, [organizationId, id, channelId, contactId, messageId]);
  const { tags, priority, status, subject, metadata } = conversation;
  return {
    channelId,
    channelType: around?.channelType ?? '',
    contact: around?.contact ?? null,
    tags,
    priority,
    status,
    subject,
    metadata,
    assignee: assigneeType && assigneeId ? `${assigneeType}:${assigneeId}` : null,
    messageText: around?.messageText ?? null,
  };
}

const CONTACT = `jsonb_build_object('name', k.name, 'email', k.email, 'phone', k.phone, 'externalId', k.external_id,
    'metadata', k.metadata, 'tags', k.tags)`;

const FACTS = `
  SELECT ch.type AS "channelType",
    (SELECT ${CONTACT} FROM contact k WHERE k.organization_id = $1 AND k.id = $4) AS contact,
    (SELECT m.text FROM message m WHERE m.organization_id = $1 AND m.conversation_id = $2
       AND CASE WHEN $5::uuid IS NULL THEN m.direction <> 'internal' ELSE m.id = $5 END
     ORDER BY m.seq LIMIT 1) AS "messageText"
  FROM channel ch WHERE ch.organization_id = $1 AND ch.id = $3`;

/** What is known of a contact that is told of without a conversation; null when there is no such contact. */
export async function loadContactFacts(tx: Tx, organizationId: string, contactId: string): Promise<Facts | null> {
  const [found] = await tx.query<{ contact: NonNullable<Facts['contact']> }[]>(
    `SELECT ${CONTACT} AS contact FROM contact k WHERE k.organization_id = $1 AND k.id = $2`,
    [organizationId, contactId],
  );
  return (
    (found && {
      channelId: '',
      channelType: '',
      contact: found.contact,
      tags: [],
      priority: '',
      status: '',
      subject: null,
      metadata: {},
      assignee: null,
      messageText: null,
    }) ??
    null
  );
}
