import { NotFoundError } from '@hub/platform/errors.js';
import { queryPrepared, type Prepared, type Reader } from '@hub/model/database.js';
import type { QueueRow, Skill } from './routing.types.js';

export class QueueNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('QUEUE_NOT_FOUND', 'Queue does not exist', field);
  }
}

export class TeamNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('TEAM_NOT_FOUND', 'Team does not exist', field);
  }
}

const QUEUE: Prepared = {
  name: 'routing-queue',
  text: `
    SELECT id, name, team_id AS "teamId", strategy, priority_ageing AS "priorityAgeing", offer_timeout AS "offerTimeout",
      max_misses AS "maxMisses", return_timeout AS "returnTimeout", sticky_window AS "stickyWindow", skills,
      business_hours AS "businessHours", closed_behavior AS "closedBehavior"
    FROM queue WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`,
};

/** The queue, unless it was removed. */
export async function findQueue(on: Reader, organizationId: string, id: string): Promise<QueueRow | null> {
  const [queue] = await queryPrepared<QueueRow>(on, QUEUE, [organizationId, id]);
  return queue ?? null;
}

/** @throws QueueNotFoundError */
export async function requireQueue(on: Reader, organizationId: string, id: string, field?: string): Promise<QueueRow> {
  const queue = await findQueue(on, organizationId, id);
  if (!queue) throw new QueueNotFoundError(field);
  return queue;
}

/** All of these skills, each at the highest level wanted. */
export function mergeSkills(...lists: readonly (readonly Skill[])[]): Skill[] {
  const wanted = new Map<string, Skill>();
  for (const skill of lists.flat()) {
    const known = wanted.get(skill.name.toLowerCase());
    if (!known || known.level < skill.level) wanted.set(skill.name.toLowerCase(), skill);
  }
  return [...wanted.values()];
}
