import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import { User } from '@hub/model/user.entity.js';
import { ConflictError, HubError, NotFoundError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { mergeJson } from '@hub/platform/json.js';
import type { Actor } from './actor.js';
import type { CreateUser, UpdateUser } from './users.types.js';

export class UserNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('USER_NOT_FOUND', 'User does not exist', field);
  }
}

/** What the audit log tells of a user: no credential is among it. */
const AUDITED = ['email', 'name', 'role', 'status', 'avatar', 'metadata'] as const;

@Injectable()
export class UsersService {
  constructor(private readonly db: Database) {}

  /** @throws ConflictError EMAIL_ALREADY_EXISTS, whatever the spelling's case */
  async create(actor: Actor, command: CreateUser): Promise<User> {
    const id = newId();
    const { organizationId } = actor;
    try {
      return await this.db.transaction(organizationId, async (tx) => {
        await insertRow(tx, User, {
          ...command,
          metadata: mergeJson({}, command.metadata),
          organizationId,
          id,
          status: 'active',
        });
        const user = await this.load(tx, organizationId, id);
        const changes = changesOf<User>(null, user, AUDITED);
        await appendAudit(tx, { author: actor, action: 'user.created', subjectId: id, changes });
        return user;
      });
    } catch (error) {
      throw this.worded(error);
    }
  }

  /** Metadata is merged, everything else replaced. */
  async update(actor: Actor, command: UpdateUser): Promise<User> {
    return this.db.transaction(actor.organizationId, async (tx) => {
      const user = await this.load(tx, actor.organizationId, command.id, true);
      const { id, metadata, ...rest } = command;
      const changes = { ...rest, ...(metadata && { metadata: mergeJson(user.metadata, metadata) }) };
      if (Object.keys(changes).length > 0) {
        await updateRow(tx, User, { organizationId: actor.organizationId, id }, changes);
      }
      const after = await this.load(tx, actor.organizationId, id);
      const told = changesOf(user, after, AUDITED);
      if (Object.keys(told).length > 0) {
        await appendAudit(tx, { author: actor, action: 'user.updated', subjectId: id, changes: told });
      }
      return after;
    });
  }

  /**
   * Removes a user who holds no live conversation; what they did keeps their name.
   * @throws HubError ACTIVE_CONVERSATIONS_EXIST
   */
  async remove(actor: Actor, id: string): Promise<void> {
    const { organizationId } = actor;
    await this.db.transaction(organizationId, async (tx) => {
      await this.load(tx, organizationId, id, true);
      const [busy] = await tx.query<unknown[]>(
        `SELECT 1 FROM conversation WHERE organization_id = $1 AND assignee_id = $2 AND status <> 'closed' LIMIT 1`,
        [organizationId, id],
      );
      if (busy) {
        throw new HubError(
          'validation',
          'ACTIVE_CONVERSATIONS_EXIST',
          'The user is the assignee of open conversations: transfer or close them first',
        );
      }
      await updateRow(tx, User, { organizationId, id }, { deletedAt: new Date() });
      await appendAudit(tx, { author: actor, action: 'user.deleted', subjectId: id });
    });
  }

  private async load(tx: Tx, organizationId: string, id: string, lock = false): Promise<User> {
    const where = { organizationId, id, deletedAt: IsNull() };
    const user = await tx.findOne(User, { where, ...(lock && { lock: { mode: 'pessimistic_write' } }) });
    if (!user) throw new UserNotFoundError();
    return user;
  }

  private worded(error: unknown): unknown {
    if (violatedUnique(error) !== 'users_email') return error;
    return new ConflictError('EMAIL_ALREADY_EXISTS', 'Another user of the organization has this email');
  }
}
