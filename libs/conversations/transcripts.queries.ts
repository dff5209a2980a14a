import { Injectable } from '@nestjs/common';
import type { PartyRef } from '@hub/model/conversation.entity.js';
import { Database, type Prepared } from '@hub/model/database.js';
import type { MessageContent } from '@hub/model/message.entity.js';
import { SEEN_BY_CONTACT } from './messages.queries.js';

/** One thing that was said. */
export interface TranscriptLine {
  readonly id: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly sender: PartyRef;
  readonly content: MessageContent;
  readonly createdAt: Date;
}

/** A conversation to read, and about how many messages it has. */
export interface Transcribed {
  readonly id: string;
  readonly messageCount: number;
}

interface Unread extends Transcribed {
  readonly after: number;
}

/** Rows of one batch, at most. */
const BATCH = 500;

/** What was said in conversations: without private notes, and without whatever has not been sent. */
@Injectable()
export class TranscriptsQueries {
  constructor(private readonly db: Database) {}

  /**
   * Everything said in these conversations: one after the other as they are given, each from its first message on – or
   * the first conversation from behind `after`, a `seq`. In batches, one statement each, whatever the number of
   * conversations: only a batch is ever in memory.
   */
  async *read(
    organizationId: string,
    conversations: readonly Transcribed[],
    { after = 0, batch = BATCH }: { readonly after?: number; readonly batch?: number } = {},
  ): AsyncGenerator<TranscriptLine[]> {
    let open: readonly Unread[] = conversations.map((one, i) => ({ ...one, after: i === 0 ? after : 0 }));
    while (open.length > 0) {
      const some = fitting(open, batch);
      const values = [organizationId, some.map(({ id }) => id), some.map((one) => one.after), batch];
      const lines = await this.db.prepared<TranscriptLine>(organizationId, READ, values);
      if (lines.length > 0) yield lines;
      open = lines.length < batch ? open.slice(some.length) : behind(open, lines);
    }
  }

  /** The place of a message in its conversation, or null where it was not said there. */
  async placeOf(organizationId: string, conversationId: string, messageId: string): Promise<number | null> {
    const [found] = await this.db.reader(organizationId).query<{ seq: number }[]>(
      `SELECT m.seq FROM message m
       WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.id = $3 AND ${SEEN_BY_CONTACT}`,
      [organizationId, conversationId, messageId],
    );
    return found?.seq ?? null;
  }
}

const READ: Prepared = {
  name: 'transcript-read',
  text: `
    SELECT l.* FROM unnest($2::uuid[], $3::bigint[]) WITH ORDINALITY AS wanted(id, after, place)
    CROSS JOIN LATERAL (
      SELECT m.id, m.conversation_id AS "conversationId", m.seq, m.sender, m.content, m.created_at AS "createdAt"
      FROM message m
      WHERE m.organization_id = $1 AND m.conversation_id = wanted.id AND m.seq > wanted.after AND ${SEEN_BY_CONTACT}
      ORDER BY m.seq LIMIT $4) AS l
    ORDER BY wanted.place, l.seq LIMIT $4`,
};

/** The first ones, as many as should fit into one batch: no rows are sorted just to be left out. */
function fitting(open: readonly Unread[], batch: number): readonly Unread[] {
  let expected = 0;
  const count = open.findIndex(({ messageCount }, i) => (expected += messageCount) > batch && i > 0);
  return count < 0 ? open : open.slice(0, count);
}

/** What is still to be read after a full batch. */
function behind(open: readonly Unread[], lines: readonly TranscriptLine[]): readonly Unread[] {
  const last = lines.at(-1);
  const at = open.findIndex(({ id }) => id === last?.conversationId);
  const [current, ...later] = open.slice(at);
  if (!current || !last) return later;
  const read = lines.filter(({ conversationId }) => conversationId === current.id).length;
  return [{ ...current, after: last.seq, messageCount: Math.max(0, current.messageCount - read) }, ...later];
}
