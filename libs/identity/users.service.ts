import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import { Database, violatedUnique, type Tx } from '@hub/model/database.js';
import { insertRow, updateRow } from '@hub/model/rows.js';
import { User, type Capacity } from '@hub/model/user.entity.js';
import { HubError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';
import { mergeJson } from '@hub/platform/json.js';
import { mayGrant, mayUse, type Actor } from './actor.js';
import { leaveStaff, signalRouting } from './agent-state.js';
import { requireEmail } from './email.js';
import { EmailTakenError, InsufficientPermissionsError, LastOwnerError, UserNotFoundError } from './identity.errors.js';
import { Passwords } from './passwords.js';
import { RecoveryService } from './recovery.service.js';
import { endSessions } from './session-rows.js';
import { AUDITED_USER, type CreateUser, type UpdateUser } from './users.types.js';

const DEFAULT_CAPACITY: Capacity = { total: 10, perChannel: {} };

@Injectable()
export class UsersService {
  constructor(
    private readonly db: Database,
    private readonly passwords: Passwords,
    private readonly recovery: RecoveryService,
  ) {}

  /**
   * With a password the user can sign in at once; without one they are invited by mail to set it.
   * @throws EmailTakenError, whatever the spelling; InsufficientPermissionsError
   */
  async create(actor: Actor, { password, capacity, ...command }: CreateUser): Promise<User> {
    const emailKey = requireEmail(command.email);
    this.requireAuthority(actor, command.role);
    const hash = password === null ? null : await this.passwords.queued(() => this.passwords.hash(password));
    const id = newId();
    const { organizationId } = actor;
    try {
      return await this.db.transaction(organizationId, async (tx) => {
        await insertRow(tx, User, {
          ...command,
          email: command.email.normalize('NFKC'),
          emailKey,
          metadata: mergeJson({}, command.metadata),
          ...(capacity && { capacity: { ...DEFAULT_CAPACITY, ...capacity } }),
          organizationId,
          id,
          status: hash ? 'active' : 'invited',
        });
        if (hash) await this.setFirstPassword(tx, organizationId, id, hash);
        const user = await this.load(tx, organizationId, id);
        const changes = changesOf<User>(null, user, AUDITED_USER);
        await appendAudit(tx, { author: actor, action: 'user.created', subjectId: id, changes });
        if (!hash) await this.recovery.inviteIn(tx, actor, user);
        return user;
      });
    } catch (error) {
      throw ['users_email', 'users_login'].includes(violatedUnique(error) ?? '') ? new EmailTakenError() : error;
    }
  }

  /**
   * Metadata and capacity are merged, everything else replaced. A suspended user's sessions end at once, and a changed
   * role holds from the next request on. Whoever is no admin may change skills and capacity only.
   * @throws UserNotFoundError; InsufficientPermissionsError; LastOwnerError
   */
  async update(actor: Actor, command: UpdateUser): Promise<User> {
    const { organizationId } = actor;
    return this.db.transaction(organizationId, async (tx) => {
      const user = await this.load(tx, organizationId, command.id, true);
      const { id, metadata, capacity, ...rest } = command;
      const { skills: _, ...personal } = { ...rest, metadata };
      if (Object.values(personal).some((value) => value !== undefined)) requireAdmin(actor);
      this.requireAuthority(actor, user.role);
      if (command.role) this.requireAuthority(actor, command.role);
      if (command.role && command.role !== 'super_admin') await this.requireAnotherOwner(tx, user, 'role');
      if (command.status === 'suspended') await this.requireAnotherOwner(tx, user, 'status');
      const changes = {
        ...rest,
        ...(metadata && { metadata: mergeJson(user.metadata, metadata) }),
        ...(capacity && { capacity: { ...user.capacity, ...capacity } }),
      };
      if (Object.keys(changes).length > 0) {
        await updateRow(tx, User, { organizationId, id }, changes);
      }
      if (command.status === 'suspended') await this.shutOut(tx, actor, id);
      if (command.role === 'customer') await leaveStaff(tx, organizationId, id);
      const after = await this.load(tx, organizationId, id);
      const told = changesOf(user, after, AUDITED_USER);
      if (Object.keys(told).length > 0) {
        await appendAudit(tx, { author: actor, action: 'user.updated', subjectId: id, changes: told });
      }
      if (told['skills'] || told['capacity']) await signalRouting(tx, organizationId, id);
      return after;
    });
  }

  /**
   * Removes a user who holds no live conversation; what they did keeps their name.
   * @throws HubError ACTIVE_CONVERSATIONS_EXIST; InsufficientPermissionsError; LastOwnerError
   */
  async remove(actor: Actor, id: string): Promise<void> {
    const { organizationId } = actor;
    await this.db.transaction(organizationId, async (tx) => {
      const user = await this.load(tx, organizationId, id, true);
      this.requireAuthority(actor, user.role);
      await this.requireAnotherOwner(tx, user, 'id');
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
      await this.shutOut(tx, actor, id);
      await leaveStaff(tx, organizationId, id);
    });
  }

  private async load(tx: Tx, organizationId: string, id: string, lock = false): Promise<User> {
    const where = { organizationId, id, deletedAt: IsNull() };
    const user = await tx.findOne(User, { where, ...(lock && { lock: { mode: 'pessimistic_write' } }) });
    if (!user) throw new UserNotFoundError();
    return user;
  }

  private requireAuthority(actor: Actor, role: User['role']): void {
    if (!mayGrant(actor, role))
      throw new InsufficientPermissionsError('Only a super_admin may do this to a super_admin');
  }

  /**
   * Lets an active super_admin go only while another one can sign in. Under the organization's lock: of two who go at
   * once, the second one sees that the first has gone.
   */
  private async requireAnotherOwner(tx: Tx, user: User, field: string): Promise<void> {
    if (user.role !== 'super_admin' || user.status !== 'active') return;
    const { organizationId, id } = user;
    await tx.query('SELECT 1 FROM organization WHERE id = $1 FOR NO KEY UPDATE', [organizationId]);
    const [other] = await tx.query<unknown[]>(
      `SELECT 1 FROM users WHERE organization_id = $1 AND id <> $2 AND role = 'super_admin' AND status = 'active'
         AND password_hash IS NOT NULL AND deleted_at IS NULL LIMIT 1`,
      [organizationId, id],
    );
    if (!other) throw new LastOwnerError(field);
  }

  private async setFirstPassword(tx: Tx, organizationId: string, id: string, hash: string): Promise<void> {
    await tx.query('UPDATE users SET password_hash = $3 WHERE organization_id = $1 AND id = $2', [
      organizationId,
      id,
      hash,
    ]);
  }

  /** Whoever has access to nothing any more: no session goes on, no mailed link works. */
  private async shutOut(tx: Tx, actor: Actor, userId: string): Promise<void> {
    await endSessions(tx, actor, { userId }, 'suspended');
    const key = [actor.organizationId, userId];
    await tx.query('DELETE FROM password_token WHERE organization_id = $1 AND user_id = $2', key);
  }
}

function requireAdmin(actor: Actor): void {
  if (!mayUse(actor, 'admin')) throw new InsufficientPermissionsError('admin');
}
