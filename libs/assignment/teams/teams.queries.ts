import { Injectable } from '@nestjs/common';
import { UserNotFoundError } from '@hub/identity/identity.errors.js';
import { Database, type Reader } from '@hub/model/database.js';
import { offsetOf, type Page, type PageRequest } from '@hub/platform/paging.js';
import { TeamNotFoundError } from './teams.errors.js';
import type { ListTeams, Membership, TeamMember, TeamView } from './teams.types.js';

const TEAM = `
  t.id, t.name, t.description, t.metadata, t.created_at AS "createdAt", t.updated_at AS "updatedAt",
  (SELECT count(*) FROM team_member m WHERE m.organization_id = t.organization_id AND m.team_id = t.id) AS "memberCount"`;
const MEMBER = `
  u.id, u.name, u.email, u.role, u.status, u.skills, u.capacity, m.created_at AS "joinedAt"`;
const MEMBERS = `team_member m JOIN users u ON u.organization_id = m.organization_id AND u.id = m.user_id`;

/** A team by its name of today. */
export interface NamedTeam {
  readonly id: string;
  readonly name: string;
}

@Injectable()
export class TeamsQueries {
  constructor(private readonly db: Database) {}

  /** @throws TeamNotFoundError */
  async getTeam(organizationId: string, id: string, tx: Reader = this.db.reader(organizationId)): Promise<TeamView> {
    const [team] = await tx.query<TeamView[]>(
      `SELECT ${TEAM} FROM team t WHERE t.organization_id = $1 AND t.id = $2 AND t.deleted_at IS NULL`,
      [organizationId, id],
    );
    if (!team) throw new TeamNotFoundError();
    return team;
  }

  async listTeams(organizationId: string, request: ListTeams): Promise<Page<TeamView>> {
    const { page, perPage, sortOrder } = request;
    const db = this.db.reader(organizationId);
    const where = 't.organization_id = $1 AND t.deleted_at IS NULL';
    const [items, [counted]] = await Promise.all([
      db.query<TeamView[]>(
        `SELECT ${TEAM} FROM team t WHERE ${where} ORDER BY t.created_at ${sortOrder}, t.id ${sortOrder}
         LIMIT ${perPage} OFFSET ${offsetOf(request)}`,
        [organizationId],
      ),
      db.query<{ n: number }[]>(`SELECT count(*) AS n FROM team t WHERE ${where}`, [organizationId]),
    ]);
    return { items, totalCount: counted?.n ?? 0, page, perPage };
  }

  /** Whoever has joined first comes first. @throws TeamNotFoundError */
  async listMembers(organizationId: string, teamId: string, request: PageRequest): Promise<Page<TeamMember>> {
    const { page, perPage } = request;
    const db = this.db.reader(organizationId);
    const where = 'm.organization_id = $1 AND m.team_id = $2';
    const { memberCount } = await this.getTeam(organizationId, teamId);
    const items = await db.query<TeamMember[]>(
      `SELECT ${MEMBER} FROM ${MEMBERS} WHERE ${where} ORDER BY m.created_at, m.user_id
       LIMIT ${perPage} OFFSET ${offsetOf(request)}`,
      [organizationId, teamId],
    );
    return { items, totalCount: memberCount, page, perPage };
  }

  /** @throws UserNotFoundError unless the user is one of the team */
  async getMember(organizationId: string, { teamId, userId }: Membership, tx?: Reader): Promise<TeamMember> {
    const [member] = await (tx ?? this.db.reader(organizationId)).query<TeamMember[]>(
      `SELECT ${MEMBER} FROM ${MEMBERS} WHERE m.organization_id = $1 AND m.team_id = $2 AND m.user_id = $3`,
      [organizationId, teamId, userId],
    );
    if (!member) throw new UserNotFoundError();
    return member;
  }

  /** The teams of each of these users, by name. */
  async teamsOf(
    organizationId: string,
    userIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly NamedTeam[]>> {
    if (userIds.length === 0) return new Map();
    const rows = await this.db.reader(organizationId).query<{ userId: string; teams: NamedTeam[] }[]>(
      `SELECT m.user_id AS "userId", jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name) ORDER BY t.name, t.id) AS teams
       FROM team_member m JOIN team t ON t.organization_id = m.organization_id AND t.id = m.team_id
       WHERE m.organization_id = $1 AND m.user_id = ANY ($2::uuid[]) GROUP BY 1`,
      [organizationId, userIds],
    );
    return new Map(rows.map(({ userId, teams }) => [userId, teams]));
  }
}
