import type { Explanation } from '@hub/assignment/routing/explain.queries.js';
import type { OfferDecision, OfferView } from '@hub/model/views.js';
import { encodeId } from '@hub/platform/ids.js';
import type { Resource } from './v1.envelope.js';
import { partyId } from './v1.ids.js';

const named = (prefix: string, of: { readonly id: string; readonly name: string | null } | null): object | null =>
  of && { id: encodeId(prefix, of.id), name: of.name };

export function offerResource(view: OfferView): Resource {
  const { conversation, transfer, kind, state, reason, expiresAt, createdAt, decidedAt } = view;
  return {
    id: encodeId('offer', view.id),
    type: 'offer',
    attributes: {
      kind,
      state,
      user: named('user', view.user),
      conversation: {
        id: encodeId('conv', conversation.id),
        subject: conversation.subject,
        priority: conversation.priority,
        channel: { ...conversation.channel, id: encodeId('ch', conversation.channel.id) },
        contact: named('contact', conversation.contact),
      },
      queue: named('queue', view.queue),
      reason,
      transfer: transfer && {
        by: { type: transfer.by.type, id: partyId(transfer.by), name: transfer.by.name },
        reason: transfer.reason,
        summary: transfer.summary,
        notifyContact: transfer.notifyContact,
      },
      expiresAt,
      createdAt,
      decidedAt,
    },
  };
}

export const decisionOf = ({ candidates, ...decision }: OfferDecision): object => ({
  ...decision,
  candidates: candidates.map((candidate) => ({ ...candidate, id: encodeId('user', candidate.id) })),
});

export function explanationOf({ queue, candidates, ...explanation }: Explanation): Record<string, unknown> {
  return {
    queue: { id: encodeId('queue', queue.id), name: queue.name, strategy: queue.strategy },
    ...explanation,
    candidates: candidates.map(({ id, name, reason, used, capacity }) => ({
      id: encodeId('user', id),
      name,
      outcome: reason ?? 'eligible',
      load: used,
      capacity,
    })),
  };
}
