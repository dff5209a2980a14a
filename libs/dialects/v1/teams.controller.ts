import { Delete, Get, Param, Patch, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { TeamsQueries } from '@hub/assignment/teams/teams.queries.js';
import { TeamsService } from '@hub/assignment/teams/teams.service.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { AddMemberBody, CreateTeamBody, UpdateTeamBody } from './team.dto.js';
import { memberResource, teamResource } from './team.mapper.js';
import { OrderedPageQuery, PageQuery } from './v1.dto.js';
import { many, one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('teams', 'Teams and queues')
export class TeamsController {
  constructor(
    private readonly teams: TeamsService,
    private readonly queries: TeamsQueries,
  ) {}

  @Get()
  @Operation({ scope: 'assignment:read', summary: 'List teams', query: PageQuery, many: 'Team' })
  async list(@CurrentActor() actor: Actor, @WireQuery(PageQuery) query: PageQuery): Promise<Envelope> {
    return many(await this.queries.listTeams(actor.organizationId, query), teamResource);
  }

  @Post()
  @Operation({
    scope: 'assignment:write',
    summary: 'Add a team',
    description: 'A name belongs to one team, whatever its case.',
    body: CreateTeamBody,
    status: 201,
    one: 'Team',
    errors: ['RESOURCE_ALREADY_EXISTS'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateTeamBody) body: CreateTeamBody): Promise<Envelope> {
    const { name, description = null, metadata = {} } = body;
    return one(teamResource(await this.teams.create(actor, { name, description, metadata })));
  }

  @Get(':id')
  @Operation({ scope: 'assignment:read', summary: 'Get a team', one: 'Team', errors: ['TEAM_NOT_FOUND'] })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(teamResource(await this.queries.getTeam(actor.organizationId, idOf('team', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Change a team',
    body: UpdateTeamBody,
    one: 'Team',
    errors: ['TEAM_NOT_FOUND', 'RESOURCE_ALREADY_EXISTS'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateTeamBody) body: UpdateTeamBody,
  ): Promise<Envelope> {
    return one(teamResource(await this.teams.update(actor, { ...body, id: idOf('team', id) })));
  }

  @Delete(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Remove a team',
    description: 'Refused while a queue hands its conversations to the team.',
    status: 204,
    errors: ['TEAM_NOT_FOUND', 'ACTIVE_CONVERSATIONS_EXIST'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.teams.remove(actor, idOf('team', id));
  }

  @Get(':id/members')
  @Operation({
    scope: 'assignment:read',
    summary: 'List the members of a team',
    description: 'In the order in which they have joined.',
    query: OrderedPageQuery,
    many: 'TeamMember',
    errors: ['TEAM_NOT_FOUND'],
  })
  async members(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireQuery(OrderedPageQuery) query: OrderedPageQuery,
  ): Promise<Envelope> {
    return many(await this.queries.listMembers(actor.organizationId, idOf('team', id), query), memberResource);
  }

  @Post(':id/members')
  @Operation({
    scope: 'assignment:write',
    summary: 'Take a user into a team',
    description: 'Staff only, active or invited. 201; somebody who is in it already answers 200 and changes nothing.',
    body: AddMemberBody,
    status: 201,
    again: 200,
    one: 'TeamMember',
    errors: ['TEAM_NOT_FOUND', 'USER_NOT_FOUND', 'ASSIGNEE_UNAVAILABLE'],
  })
  async addMember(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(AddMemberBody) body: AddMemberBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Envelope> {
    const membership = { teamId: idOf('team', id), userId: idOf('user', body.userId, 'userId') };
    const { member, isNew } = await this.teams.addMember(actor, membership);
    if (!isNew) void reply.status(200);
    return one(memberResource(member));
  }

  @Delete(':id/members/:userId')
  @Operation({
    scope: 'assignment:write',
    summary: 'Take a user out of a team',
    description: 'What they have in hand stays there.',
    status: 204,
    errors: ['TEAM_NOT_FOUND', 'USER_NOT_FOUND'],
  })
  async removeMember(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Param('userId') userId: string,
  ): Promise<void> {
    await this.teams.removeMember(actor, { teamId: idOf('team', id), userId: idOf('user', userId) });
  }
}
