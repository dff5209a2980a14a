import type { AuditView, ListAudit } from '@hub/events/audit.queries.js';
import { toDate } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';
import { decodeId, encodeId, prefixOf } from '@hub/platform/ids.js';
import type { ListAuditQuery } from './audit.dto.js';
import type { Resource } from './v1.envelope.js';
import { publicChanges } from './v1.events.js';
import { partyId } from './v1.ids.js';

/** The prefixes of public ids where they are shorter than the word. */
const PREFIXES: Readonly<Record<string, string>> = {
  organization: 'org',
  channel: 'ch',
  conversation: 'conv',
  message: 'msg',
  webhook: 'wh',
  delivery: 'del',
  api_key: 'key',
  session: 'sess',
  routing_rule: 'rule',
  automation_rule: 'rule',
  service_level: 'sla',
};

export const auditResource = (view: AuditView): Resource => ({
  id: encodeId('audit', view.id),
  type: 'audit_entry',
  attributes: {
    at: view.at,
    action: view.action,
    actor: { type: view.actor.type, id: partyId(view.actor), name: view.actor.name },
    subject: {
      type: view.subjectType,
      id: encodeId(PREFIXES[view.subjectType] ?? view.subjectType, view.subjectId),
    },
    changes: view.changes && publicChanges(view.changes),
    requestId: view.requestId,
    address: view.address,
    userAgent: view.userAgent,
  },
});

export function toListAudit({ actorId, action, subjectId, startDate, endDate, ...rest }: ListAuditQuery): ListAudit {
  const lastInstant = endDate && /^\d{4}-\d{2}-\d{2}$/.test(endDate) ? `${endDate}T23:59:59.999Z` : endDate;
  return {
    ...rest,
    ...(actorId && { actorId: anyId(actorId, 'actorId', 'user') }),
    ...(action && { action }),
    ...(subjectId && { subjectId: anyId(subjectId, 'subjectId', 'conv') }),
    ...(startDate && { startDate: toDate(startDate) }),
    ...(lastInstant && { endDate: toDate(lastInstant) }),
  };
}

/** An id of whatever kind. @throws ValidationError naming the field, when it is malformed */
function anyId(id: string, field: string, example: string): string {
  const uuid = decodeId(prefixOf(id) ?? '', id);
  if (!uuid) throw ValidationError.of(field, `${field} must be an id such as ${example}_01h455vb4pex5vsknk084sn02q`);
  return uuid;
}
