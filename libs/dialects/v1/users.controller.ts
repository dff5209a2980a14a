import { Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { TeamsQueries } from '@hub/assignment/teams/teams.queries.js';
import { CurrentActor, WireBody, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import type { User } from '@hub/model/user.entity.js';
import { UsersQueries } from '@hub/identity/users.queries.js';
import { UsersService } from '@hub/identity/users.service.js';
import { CreateUserBody, ListUsersQuery, UpdateUserBody } from './user.dto.js';
import { toCreateUser, toUpdateUser, userResource } from './user.mapper.js';
import { many, one, type Envelope, type Resource } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('users', 'Users')
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly queries: UsersQueries,
    private readonly teams: TeamsQueries,
  ) {}

  @Get()
  @Operation({ scope: 'assignment:read', summary: 'List users', query: ListUsersQuery, many: 'User' })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListUsersQuery) query: ListUsersQuery): Promise<Envelope> {
    const page = await this.queries.listUsers(actor.organizationId, query);
    const teams = await this.teams.teamsOf(
      actor.organizationId,
      page.items.map(({ id }) => id),
    );
    return many(page, (user) => userResource(user, teams.get(user.id) ?? []));
  }

  @Post()
  @Operation({
    scope: 'admin',
    summary: 'Add a user',
    description: 'With a password they can sign in at once; without one they are invited by mail to set it.',
    body: CreateUserBody,
    status: 201,
    one: 'User',
    errors: ['EMAIL_ALREADY_EXISTS', 'RATE_LIMIT_EXCEEDED'],
  })
  async create(@CurrentActor() actor: Actor, @WireBody(CreateUserBody) body: CreateUserBody): Promise<Envelope> {
    return one(userResource(await this.users.create(actor, toCreateUser(body)), []));
  }

  @Get(':id')
  @Operation({ scope: 'assignment:read', summary: 'Get a user', one: 'User', errors: ['USER_NOT_FOUND'] })
  async get(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<Envelope> {
    return one(await this.shown(await this.queries.getUser(actor.organizationId, idOf('user', id))));
  }

  @Patch(':id')
  @Operation({
    scope: 'assignment:write',
    summary: 'Change a user',
    description:
      'Skills and capacity; everything else needs the scope `admin`. The last active super_admin can neither be suspended ' +
      'nor given another role.',
    body: UpdateUserBody,
    one: 'User',
    errors: ['USER_NOT_FOUND'],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @WireBody(UpdateUserBody) body: UpdateUserBody,
  ): Promise<Envelope> {
    return one(await this.shown(await this.users.update(actor, toUpdateUser(idOf('user', id), body))));
  }

  @Delete(':id')
  @Operation({
    scope: 'admin',
    summary: 'Remove a user',
    description: 'What they did keeps their name. The last active super_admin stays.',
    status: 204,
    errors: ['USER_NOT_FOUND', 'ACTIVE_CONVERSATIONS_EXIST'],
  })
  async remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    await this.users.remove(actor, idOf('user', id));
  }

  private async shown(user: User): Promise<Resource> {
    const teams = await this.teams.teamsOf(user.organizationId, [user.id]);
    return userResource(user, teams.get(user.id) ?? []);
  }
}
