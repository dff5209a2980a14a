import type { MessageContent, MessageDirection } from '@hub/model/message.entity.js';
import { queryPrepared, type Prepared, type Reader } from '@hub/model/database.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import type { ConversationView } from '@hub/model/views.js';
import { ConversationNotFoundError } from './conversations.errors.js';

/** One row with its neighbours' names; `c` is the conversation, whichever way the caller finds it. */
const VIEW_COLUMNS = `
  c.organization_id AS "organizationId", c.id, c.number, c.subject, c.status, c.priority,
  c.assigned_at AS "assignedAt", c.assigned_by AS "assignedBy", c.unread_count AS "unreadCount",
  c.message_count AS "messageCount", c.first_message_at AS "firstMessageAt", c.last_message_at AS "lastMessageAt",
  c.snoozed_until AS "snoozedUntil", c.closed_at AS "closedAt", c.closed_by AS "closedBy", c.resolution,
  c.closure_reason AS "closureReason", c.archived_at AS "archivedAt",
  c.ticket_id AS "ticketId", c.entity_type AS e_type, c.entity_id AS e_id, c.reopened_at AS "reopenedAt", c.reopened_by AS "reopenedBy", c.tags,
  c.metadata, c.version, c.created_at AS "createdAt", c.updated_at AS "updatedAt",
  ch.id AS ch_id, ch.number AS ch_number, ch.type AS ch_type, ch.name AS ch_name,
  k.id AS k_id, k.number AS k_number, k.name AS k_name, k.phone AS k_phone, k.email AS k_email, k.avatar AS k_avatar, k.metadata AS k_metadata,
  c.assignee_id AS a_id, c.assignee_type AS a_type, coalesce(u.name, ab.name) AS a_name,
  coalesce(u.number, ab.number) AS a_number,
  b.id AS b_id, b.name AS b_name, b.status AS b_status,
  m.id AS m_id, m.content AS m_content, m.direction AS m_direction, m.occurred_at AS m_at`;

const VIEW_JOINS = `
  JOIN channel ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
  LEFT JOIN contact k ON k.organization_id = c.organization_id AND k.id = c.contact_id
  LEFT JOIN users u ON c.assignee_type = 'user' AND u.organization_id = c.organization_id AND u.id = c.assignee_id
  LEFT JOIN bot ab ON c.assignee_type = 'bot' AND ab.organization_id = c.organization_id AND ab.id = c.assignee_id
  LEFT JOIN bot b ON b.organization_id = c.organization_id AND b.id = c.bot_id
  LEFT JOIN message m ON m.organization_id = c.organization_id AND m.id = c.last_message_id`;

type Plain = Omit<ConversationView, 'channel' | 'contact' | 'entity' | 'assignee' | 'bot' | 'lastMessage'>;

interface ViewRow extends Plain {
  readonly ch_id: string;
  readonly ch_number: number;
  readonly ch_type: ConversationView['channel']['type'];
  readonly ch_name: string;
  readonly k_id: string | null;
  readonly k_number: number;
  readonly k_name: string | null;
  readonly k_phone: string | null;
  readonly k_email: string | null;
  readonly k_avatar: string | null;
  readonly k_metadata: JsonObject;
  readonly e_type: string | null;
  readonly e_id: string;
  readonly a_id: string | null;
  readonly a_number: number;
  readonly a_type: 'user' | 'bot';
  readonly a_name: string;
  readonly b_id: string | null;
  readonly b_name: string;
  readonly b_status: string;
  readonly m_id: string | null;
  readonly m_content: MessageContent;
  readonly m_direction: MessageDirection;
  readonly m_at: Date;
}

function toView(row: ViewRow): ConversationView {
  const {
    ch_id,
    ch_number,
    ch_type,
    ch_name,
    k_id,
    k_number,
    k_name,
    k_phone,
    k_email,
    k_avatar,
    k_metadata,
    ...afterContact
  } = row;
  const {
    a_id,
    a_number,
    a_type,
    a_name,
    b_id,
    b_name,
    b_status,
    e_type,
    e_id,
    m_id,
    m_content,
    m_direction,
    m_at,
    ...plain
  } = afterContact;
  return {
    ...plain,
    channel: { id: ch_id, number: ch_number, type: ch_type, name: ch_name },
    contact: k_id
      ? {
          id: k_id,
          number: k_number,
          name: k_name,
          phone: k_phone,
          email: k_email,
          avatar: k_avatar,
          metadata: k_metadata,
        }
      : null,
    entity: e_type ? { type: e_type, id: e_id } : null,
    assignee: a_id ? { id: a_id, number: a_number, type: a_type, name: a_name } : null,
    bot: b_id ? { id: b_id, name: b_name, active: b_status === 'active' } : null,
    lastMessage: m_id ? { id: m_id, content: m_content, direction: m_direction, timestamp: m_at } : null,
  };
}

const ONE: Prepared = {
  name: 'conversation-view',
  text: `SELECT ${VIEW_COLUMNS} FROM conversation c ${VIEW_JOINS} WHERE c.organization_id = $1 AND c.id = $2`,
};

const SOME: Prepared = {
  name: 'conversation-views',
  text: `SELECT ${VIEW_COLUMNS} FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted(id, place)
    JOIN conversation c ON c.organization_id = $1 AND c.id = wanted.id ${VIEW_JOINS} ORDER BY wanted.place`,
};

/** One conversation as it stands in this transaction. @throws ConversationNotFoundError */
export async function loadView(tx: Reader, organizationId: string, id: string): Promise<ConversationView> {
  const [row] = await queryPrepared<ViewRow>(tx, ONE, [organizationId, id]);
  if (!row) throw new ConversationNotFoundError();
  return toView(row);
}

/** These conversations, in this order; one that does not exist is left out. */
export async function loadViews(
  tx: Reader,
  organizationId: string,
  ids: readonly string[],
): Promise<ConversationView[]> {
  if (ids.length === 0) return [];
  return (await queryPrepared<ViewRow>(tx, SOME, [organizationId, ids])).map(toView);
}
