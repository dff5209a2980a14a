import { Inject, Injectable } from '@nestjs/common';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import { Database, type Tx } from '@hub/model/database.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { ValidationError } from '@hub/platform/errors.js';
import type { CursorPage, Page } from '@hub/platform/paging.js';
import { checkUrl } from '@hub/platform/safe-fetch.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import { newSecret } from '@hub/webhooks/signing.js';
import { requireConditionIds, requireTarget } from '@hub/assignment/rules/rule-references.js';
import {
  getRule,
  insertRule,
  listRuleLog,
  listRules,
  lockOrder,
  moveRule,
  updateRule,
  type RuleTable,
} from '@hub/assignment/rules/rule-store.js';
import type { ListRuleLog, ListRules, RuleLogView } from '@hub/assignment/rules/rules.types.js';
import type {
  Action,
  AutomationRuleView,
  CreateAutomationRule,
  UpdateAutomationRule,
  WrittenAutomationRule,
} from './automation.types.js';
import { assertFitting } from './check-actions.js';

export const AUTOMATION_RULES: RuleTable = { name: 'automation_rule', columns: ['event', 'actions'] };

const AUDITED = [
  'name',
  'position',
  'enabled',
  'event',
  'conditions',
  'actions',
] as const satisfies readonly (keyof AutomationRuleView)[];

/** The rules by which the product does what is to be done every time. */
@Injectable()
export class AutomationRulesService {
  constructor(
    private readonly db: Database,
    private readonly box: SecretBox,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  list(organizationId: string, request: ListRules): Promise<Page<AutomationRuleView>> {
    return listRules(this.db.reader(organizationId), AUTOMATION_RULES, organizationId, request);
  }

  /** @throws RuleNotFoundError */
  get(organizationId: string, id: string): Promise<AutomationRuleView> {
    return getRule(this.db.reader(organizationId), AUTOMATION_RULES, organizationId, id);
  }

  /** @throws RuleNotFoundError; ValidationError naming `cursor` */
  async log(organizationId: string, id: string, request: ListRuleLog): Promise<CursorPage<RuleLogView>> {
    await this.get(organizationId, id);
    return listRuleLog(this.db.reader(organizationId), organizationId, id, request);
  }

  /** @throws the NOT_FOUND of whatever it names; ValidationError naming `actions.<n>`; TooManyRulesError */
  async create(author: Author, command: CreateAutomationRule): Promise<WrittenAutomationRule> {
    const { organizationId } = author;
    await this.checkUrls(command.actions);
    assertFitting(command.event, command.actions);
    return this.db.transaction(organizationId, async (tx) => {
      await requireNamed(tx, organizationId, command);
      await lockOrder(tx, AUTOMATION_RULES, organizationId);
      const { position, ...fields } = command;
      const secret = calls(command.actions) ? newSecret() : null;
      const id = await insertRule(tx, AUTOMATION_RULES, organizationId, {
        ...columnsOf(fields),
        secret: secret && this.box.seal(secret),
      });
      await moveRule(tx, AUTOMATION_RULES, organizationId, id, position);
      const rule = await getRule<AutomationRuleView>(tx, AUTOMATION_RULES, organizationId, id);
      const changes = changesOf<AutomationRuleView>(null, rule, AUDITED);
      await appendAudit(tx, { author, action: 'automation_rule.created', subjectId: id, changes });
      return { rule, secret };
    });
  }

  /** @throws as {@link create}; RuleNotFoundError */
  async update(author: Author, { id, position, ...fields }: UpdateAutomationRule): Promise<WrittenAutomationRule> {
    const { organizationId } = author;
    await this.checkUrls(fields.actions ?? []);
    return this.db.transaction(organizationId, async (tx) => {
      await requireNamed(tx, organizationId, fields);
      await lockOrder(tx, AUTOMATION_RULES, organizationId);
      const before = await getRule<AutomationRuleView>(tx, AUTOMATION_RULES, organizationId, id);
      assertFitting(fields.event ?? before.event, fields.actions ?? before.actions);
      await updateRule(tx, AUTOMATION_RULES, { organizationId, id }, columnsOf(fields));
      if (position !== undefined) await moveRule(tx, AUTOMATION_RULES, organizationId, id, position);
      const rule = await getRule<AutomationRuleView>(tx, AUTOMATION_RULES, organizationId, id);
      const secret = calls(rule.actions) ? await this.secretIfNone(tx, organizationId, id) : null;
      const changes = changesOf<AutomationRuleView>(before, rule, AUDITED);
      if (Object.keys(changes).length > 0) {
        await appendAudit(tx, { author, action: 'automation_rule.updated', subjectId: id, changes });
      }
      return { rule, secret };
    });
  }

  /** Calls that are still to be made are not made. @throws RuleNotFoundError */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      await lockOrder(tx, AUTOMATION_RULES, organizationId);
      await getRule(tx, AUTOMATION_RULES, organizationId, id);
      await updateRule(tx, AUTOMATION_RULES, { organizationId, id }, { deleted_at: new Date() });
      await tx.query('DELETE FROM automation_call WHERE organization_id = $1 AND rule_id = $2', [organizationId, id]);
      await moveRule(tx, AUTOMATION_RULES, organizationId, id, undefined);
      await appendAudit(tx, { author, action: 'automation_rule.deleted', subjectId: id });
    });
  }

  /** A rule that calls has one secret for as long as it lives. @returns it where it was made now */
  private async secretIfNone(tx: Tx, organizationId: string, id: string): Promise<string | null> {
    const secret = newSecret();
    const [, made] = await tx.query<[unknown[], number]>(
      'UPDATE automation_rule SET secret = $3 WHERE organization_id = $1 AND id = $2 AND secret IS NULL',
      [organizationId, id, this.box.seal(secret)],
    );
    return made > 0 ? secret : null;
  }

  private async checkUrls(actions: readonly Action[]): Promise<void> {
    for (const [i, action] of actions.entries()) {
      if (action.type !== 'callWebhook') continue;
      try {
        await checkUrl(action.url, this.config.WEBHOOK_ALLOWED_NETWORKS);
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error;
        const details = error.details.map(({ message }) => ({ field: `actions.${i}.url`, message }));
        throw new ValidationError(details, error.message, error.code);
      }
    }
  }
}

const calls = (actions: readonly Action[]): boolean => actions.some(({ type }) => type === 'callWebhook');

async function requireNamed(
  tx: Tx,
  organizationId: string,
  { conditions = [], actions = [] }: Partial<CreateAutomationRule>,
): Promise<void> {
  await requireConditionIds(tx, organizationId, conditions);
  for (const [i, action] of actions.entries()) {
    if (action.type === 'assign') await requireTarget(tx, organizationId, action.to, `actions.${i}.to`);
  }
}

const columnsOf = ({ conditions, actions, ...rest }: Partial<CreateAutomationRule>): Record<string, unknown> => ({
  ...rest,
  ...(conditions && { conditions: JSON.stringify(conditions) }),
  ...(actions && { actions: JSON.stringify(actions) }),
});
