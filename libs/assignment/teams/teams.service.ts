import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { QueueSignal } from '@hub/assignment/routing/queue-signal.js';
import { requireStaff } from '@hub/conversations/conversation-parties.js';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import { UserNotFoundError } from '@hub/identity/identity.errors.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import { Team } from '@hub/model/team.entity.js';
import { HubError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { mergeJson } from '@hub/platform/json.js';
import { TeamExistsError, TeamNotFoundError } from './teams.errors.js';
import { TeamsQueries } from './teams.queries.js';
import type { CreateTeam, Membership, TeamMember, TeamView, UpdateTeam } from './teams.types.js';

const AUDITED = ['name', 'description', 'metadata'] as const satisfies readonly (keyof TeamView)[];

/** Teams and who is in them. A name is one team's, whatever its case. */
@Injectable()
export class TeamsService {
  constructor(
    private readonly db: Database,
    private readonly queries: TeamsQueries,
    private readonly signal: QueueSignal,
  ) {}

  /** @throws TeamExistsError */
  async create(author: Author, command: CreateTeam): Promise<TeamView> {
    const { organizationId } = author;
    return this.named(() =>
      this.db.transaction(organizationId, async (tx) => {
        const id = newId();
        await insertRow(tx, Team, { ...command, metadata: mergeJson({}, command.metadata), organizationId, id });
        const after = await this.queries.getTeam(organizationId, id, tx);
        const changes = changesOf<TeamView>(null, after, AUDITED);
        await appendAudit(tx, { author, action: 'team.created', subjectId: id, changes });
        return after;
      }),
    );
  }

  /** @throws TeamNotFoundError, TeamExistsError */
  async update(author: Author, { id, metadata, ...fields }: UpdateTeam): Promise<TeamView> {
    const { organizationId } = author;
    return this.named(() =>
      this.db.transaction(organizationId, async (tx) => {
        const team = await this.lock(tx, organizationId, id);
        const wanted = { ...fields, ...(metadata && { metadata: mergeJson(team.metadata, metadata) }) };
        const changes = changesOf<Team>(team, { ...team, ...wanted }, AUDITED);
        if (Object.keys(changes).length > 0) {
          await updateRow(tx, Team, { organizationId, id }, wanted);
          await appendAudit(tx, { author, action: 'team.updated', subjectId: id, changes });
        }
        return this.queries.getTeam(organizationId, id, tx);
      }),
    );
  }

  /** @throws TeamNotFoundError; HubError ACTIVE_CONVERSATIONS_EXIST while a queue hands conversations to it */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      await this.lock(tx, organizationId, id);
      const [queue] = await tx.query<{ name: string }[]>(
        'SELECT name FROM queue WHERE organization_id = $1 AND team_id = $2 AND deleted_at IS NULL LIMIT 1',
        [organizationId, id],
      );
      if (queue) {
        throw new HubError(
          'validation',
          'ACTIVE_CONVERSATIONS_EXIST',
          `The queue ${queue.name} hands its conversations to the team: give it another team or remove it first`,
        );
      }
      await tx.query('DELETE FROM team_member WHERE organization_id = $1 AND team_id = $2', [organizationId, id]);
      await updateRow(tx, Team, { organizationId, id }, { deletedAt: new Date() });
      await appendAudit(tx, { author, action: 'team.deleted', subjectId: id });
    });
  }

  /**
   * Takes a user into a team; of one who is in it already it changes nothing.
   * @throws TeamNotFoundError; UserNotFoundError; UnprocessableError ASSIGNEE_UNAVAILABLE: suspended, or not staff
   */
  async addMember(author: Author, { teamId, userId }: Membership): Promise<{ member: TeamMember; isNew: boolean }> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      await requireTeam(tx, organizationId, teamId);
      await requireStaff(tx, organizationId, [userId], 'userId');
      const added = await tx.query<unknown[]>(
        `INSERT INTO team_member (organization_id, team_id, user_id) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING RETURNING 1`,
        [organizationId, teamId, userId],
      );
      if (added.length > 0) await this.tell(tx, author, { teamId, userId }, 'team.member_added');
      return { member: await this.queries.getMember(organizationId, { teamId, userId }, tx), isNew: added.length > 0 };
    });
  }

  /** What the user has in hand stays there. @throws TeamNotFoundError; UserNotFoundError unless they are in it */
  async removeMember(author: Author, { teamId, userId }: Membership): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      await requireTeam(tx, organizationId, teamId);
      const [, count] = await tx.query<[unknown[], number]>(
        'DELETE FROM team_member WHERE organization_id = $1 AND team_id = $2 AND user_id = $3',
        [organizationId, teamId, userId],
      );
      if (count === 0) throw new UserNotFoundError();
      await this.tell(tx, author, { teamId, userId }, 'team.member_removed');
    });
  }

  private async tell(tx: Tx, author: Author, { teamId, userId }: Membership, action: string): Promise<void> {
    const isIn = action === 'team.member_added';
    const changes = { userId: { before: isIn ? null : userId, after: isIn ? userId : null } };
    await appendAudit(tx, { author, action, subjectId: teamId, changes });
    this.signal.afterCommit(tx, author.organizationId, { userId });
  }

  private async lock(tx: Tx, organizationId: string, id: string): Promise<Team> {
    const where = { organizationId, id, deletedAt: IsNull() };
    const team = await tx.findOne(Team, { where, lock: { mode: 'pessimistic_write' } });
    if (!team) throw new TeamNotFoundError();
    return team;
  }

  private async named<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw violatedUnique(error) === 'team_name' ? new TeamExistsError() : error;
    }
  }
}

/** A team that stays until the transaction ends. @throws TeamNotFoundError naming `field` */
export async function requireTeam(tx: Tx, organizationId: string, id: string, field?: string): Promise<void> {
  const [team] = await tx.query<unknown[]>(
    'SELECT 1 FROM team WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE',
    [organizationId, id],
  );
  if (!team) throw new TeamNotFoundError(field);
}
