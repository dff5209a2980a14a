import { Injectable } from '@nestjs/common';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import type { Tx } from '@hub/model/database.js';
import { newId } from '@hub/platform/ids.js';
import { currentOrigin } from '@hub/platform/request-origin.js';
import { AUDIT_COLUMNS, auditPlaceholders, auditValues } from './audit.js';
import type { EventSnapshots, EventType } from './catalog.js';
import { OutboxSignal } from './outbox-signal.js';

/** What a change did: each changed field with its value before and after, in the words of the native API. */
export type Changes = Readonly<Record<string, { readonly before: unknown; readonly after: unknown }>>;

/** Who does something and for which organization: all that a command needs of its caller. */
export interface Author {
  readonly organizationId: string;
  /** As it is kept with what they do: `closedBy`, a message's sender, an event's actor. */
  readonly principal: PartyRef;
}

/** The product itself, acting for an organization: timers and sweeps. */
export const systemAuthor = (organizationId: string): Author => ({
  organizationId,
  principal: { type: 'system', id: null, name: 'Switchboard' },
});

/** Something that has happened, as a command tells it. */
export interface DomainEvent<T extends EventType = EventType> {
  readonly type: T;
  readonly author: Author;
  /** The conversation it belongs to; null for records that stand alone. */
  readonly conversationId: string | null;
  readonly channelId: string | null;
  readonly subject: EventSnapshots[T];
  readonly changes?: Changes;
}

/** A domain event that has been given its identity. */
export interface StampedEvent extends DomainEvent {
  readonly id: string;
  readonly at: Date;
}

/**
 * How subscribers see an event. Owned here, implemented by the native dialect and registered by the app.
 *
 * `render` gives the body in two halves; the sequence number goes between them, because on the hot path only the
 * database knows it. The whole is one JSON object without NUL characters whose last member is `meta`, a non-empty
 * object. Pure: the same event gives the same text.
 */
export abstract class EventFormat {
  abstract render(event: StampedEvent): readonly [before: string, after: string];

  /** A body that {@link render} has made, without the attributes of its subject, and with where to get them. Pure. */
  abstract thin(body: string): string;
}

/** A rendered event on its way into the log: for commands that write it in a statement of their own. */
export interface OutboxRow {
  readonly id: string;
  readonly at: Date;
  readonly bodyBefore: string;
  readonly bodyAfter: string;
  /** The W3C traceparent of the request behind it. */
  readonly trace: string | null;
}

@Injectable()
export class Outbox {
  constructor(
    private readonly format: EventFormat,
    readonly signal: OutboxSignal,
  ) {}

  /** Stamps and renders an event without writing it. */
  prepare(event: DomainEvent): OutboxRow {
    const stamped: StampedEvent = { ...event, id: newId(), at: new Date() };
    const [bodyBefore, bodyAfter] = this.format.render(stamped);
    return { id: stamped.id, at: stamped.at, bodyBefore, bodyAfter, trace: currentOrigin()?.traceparent ?? null };
  }

  /**
   * Writes the event in the caller's transaction, and its line of the audit log in the same statement. Events of a conversation are numbered 1, 2, 3 … in the order of
   * their commits, because the number is taken under the conversation's row lock.
   */
  async append<T extends EventType>(tx: Tx, event: DomainEvent<T>): Promise<void> {
    const row = this.prepare(event);
    const values = [
      event.author.organizationId,
      row.id,
      event.type,
      event.conversationId ?? event.subject.id,
      event.subject.id,
      event.channelId,
      row.bodyBefore,
      row.bodyAfter,
      row.at,
      row.trace,
    ];
    const { author, type, subject, changes } = event;
    const audited = isAudited(type);
    if (audited) {
      values.push(...auditValues({ author, action: type, subjectId: subject.id, ...(changes && { changes }) }, row.at));
    }
    await tx.query(statement(event.conversationId !== null, audited), values);
    this.signal.afterCommit(tx);
  }
}

/** What is said, and how it travels, is in the messages themselves; everything else that happens is somebody's doing. */
const UNAUDITED: ReadonlySet<EventType> = new Set<EventType>([
  'message.received',
  'message.sent',
  'message.delivered',
  'message.read',
  'message.failed',
]);
const isAudited = (type: EventType): boolean => !UNAUDITED.has(type);

const COLUMNS = `organization_id, id, type, order_key, sequence, subject_id, channel_id, body, created_at, trace`;

/** One round trip, whatever is to be written: the event, its number in the conversation, its line of the audit log. */
function statement(inConversation: boolean, audited: boolean): string {
  const audit = `INSERT INTO audit_log (${AUDIT_COLUMNS}) SELECT ${auditPlaceholders(11)}`;
  if (!inConversation) {
    return `
      ${audited ? `WITH a AS (${audit})` : ''}
      INSERT INTO event (${COLUMNS}) VALUES ($1, $2, $3, $4, 0, $5, $6, $7::text || '0' || $8::text, $9, $10)`;
  }
  return `
    WITH c AS (
      UPDATE conversation SET event_seq = event_seq + 1 WHERE organization_id = $1 AND id = $4 RETURNING event_seq, team_id
    )${audited ? `, a AS (${audit} FROM c)` : ''}
    INSERT INTO event (${COLUMNS}, team_id)
    SELECT $1::uuid, $2::uuid, $3, $4::uuid, c.event_seq, $5::uuid, $6::uuid, $7 || c.event_seq || $8, $9, $10::text, c.team_id FROM c`;
}
