import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { nextOpening } from '@hub/assignment/hours/business-hours.js';
import { QueueSignal } from '@hub/assignment/routing/queue-signal.js';
import { requireTeam } from '@hub/assignment/teams/teams.service.js';
import { requireBot } from '@hub/conversations/conversation-parties.js';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { Queue, type BusinessHours } from '@hub/model/queue.entity.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import { HubError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { mergeJson } from '@hub/platform/json.js';
import { QueueExistsError, QueueNotFoundError } from './queues.errors.js';
import { QueuesQueries } from './queues.queries.js';
import type { CreateQueue, QueueSettings, QueueView, UpdateQueue } from './queues.types.js';

const AUDITED = [
  'name',
  'teamId',
  'strategy',
  'priorityAgeing',
  'offerTimeout',
  'maxMisses',
  'returnTimeout',
  'stickyWindow',
  'skills',
  'businessHours',
  'closedBehavior',
  'metadata',
] as const satisfies readonly (keyof QueueSettings)[];

/** Queues and their settings. A name is one queue's, whatever its case. A changed setting holds for all who wait. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly db: Database,
    private readonly queries: QueuesQueries,
    private readonly signal: QueueSignal,
  ) {}

  /** @throws TeamNotFoundError, BotNotFoundError, QueueExistsError */
  async create(author: Author, command: CreateQueue): Promise<QueueView> {
    const { organizationId } = author;
    return this.named(() =>
      this.db.transaction(organizationId, async (tx) => {
        await this.requireNamed(tx, organizationId, command);
        const id = newId();
        const metadata = mergeJson({}, command.metadata ?? {});
        await insertRow(tx, Queue, { ...command, metadata, organizationId, id });
        const after = await this.queries.getQueue(organizationId, id, tx);
        const changes = changesOf<QueueView>(null, after, AUDITED);
        await appendAudit(tx, { author, action: 'queue.created', subjectId: id, changes });
        return after;
      }),
    );
  }

  /** @throws QueueNotFoundError, TeamNotFoundError, BotNotFoundError, QueueExistsError */
  async update(author: Author, { id, metadata, ...fields }: UpdateQueue): Promise<QueueView> {
    const { organizationId } = author;
    return this.named(() =>
      this.db.transaction(organizationId, async (tx) => {
        await this.requireNamed(tx, organizationId, fields);
        // whoever drains holds items before the queue: the same way round here
        if (fields.priorityAgeing !== undefined) await this.rankAnew(tx, organizationId, id, fields.priorityAgeing);
        if (fields.businessHours !== undefined) await this.holdAnew(tx, organizationId, id, fields.businessHours);
        const queue = await this.lock(tx, organizationId, id);
        const wanted = { ...fields, ...(metadata && { metadata: mergeJson(queue.metadata, metadata) }) };
        const changes = changesOf<Queue>(queue, { ...queue, ...wanted }, AUDITED);
        if (Object.keys(changes).length > 0) {
          await updateRow(tx, Queue, { organizationId, id }, wanted);
          await appendAudit(tx, { author, action: 'queue.updated', subjectId: id, changes });
          this.signal.afterCommit(tx, organizationId, { queueIds: [id] });
        }
        return this.queries.getQueue(organizationId, id, tx);
      }),
    );
  }

  /** @throws QueueNotFoundError; HubError ACTIVE_CONVERSATIONS_EXIST while conversations wait in it */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      await this.lock(tx, organizationId, id);
      const [waiting] = await tx.query<unknown[]>(
        'SELECT 1 FROM queue_item WHERE organization_id = $1 AND queue_id = $2 LIMIT 1',
        [organizationId, id],
      );
      if (waiting) {
        throw new HubError(
          'validation',
          'ACTIVE_CONVERSATIONS_EXIST',
          'Conversations wait in the queue: transfer or close them first',
        );
      }
      await updateRow(tx, Queue, { organizationId, id }, { deletedAt: new Date() });
      await appendAudit(tx, { author, action: 'queue.deleted', subjectId: id });
    });
  }

  private async requireNamed(tx: Tx, organizationId: string, settings: Partial<QueueSettings>): Promise<void> {
    const { teamId, closedBehavior } = settings;
    if (teamId) await requireTeam(tx, organizationId, teamId, 'teamId');
    if (closedBehavior?.botId) await requireBot(tx, organizationId, closedBehavior.botId, 'closedBehavior.botId');
  }

  /** What a step of priority is worth: so many seconds of waiting, or more than anybody can wait. */
  private async rankAnew(tx: Tx, organizationId: string, id: string, ageing: number): Promise<void> {
    await tx.query(
      `UPDATE queue_item i SET rank = i.waiting_since - i.priority * CASE WHEN $3::integer > 0
         THEN make_interval(secs => $3::integer) ELSE make_interval(years => 10) END
       FROM queue q WHERE q.organization_id = $1 AND q.id = $2 AND q.deleted_at IS NULL AND q.priority_ageing <> $3
         AND i.organization_id = $1 AND i.queue_id = $2`,
      [organizationId, id, ageing],
    );
  }

  /** Whoever waits is held by the new hours: until they open, or not at all. */
  private async holdAnew(tx: Tx, organizationId: string, id: string, hours: BusinessHours | null): Promise<void> {
    const now = new Date();
    const opening = nextOpening(hours, now);
    await tx.query('UPDATE queue_item SET held_until = $3 WHERE organization_id = $1 AND queue_id = $2', [
      organizationId,
      id,
      opening && opening > now ? opening : null,
    ]);
  }

  private async lock(tx: Tx, organizationId: string, id: string): Promise<Queue> {
    const where = { organizationId, id, deletedAt: IsNull() };
    const queue = await tx.findOne(Queue, { where, lock: { mode: 'pessimistic_write' } });
    if (!queue) throw new QueueNotFoundError();
    return queue;
  }

  private async named<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw violatedUnique(error) === 'queue_name' ? new QueueExistsError() : error;
    }
  }
}
