import { Injectable } from '@nestjs/common';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import { Database, type Tx } from '@hub/model/database.js';
import type { CursorPage, Page } from '@hub/platform/paging.js';
import { requireConditionIds, requireTarget } from './rule-references.js';
import {
  getRule,
  insertRule,
  listRuleLog,
  listRules,
  lockOrder,
  moveRule,
  updateRule,
  type RuleTable,
} from './rule-store.js';
import type {
  CreateRoutingRule,
  ListRuleLog,
  ListRules,
  RoutingRuleView,
  RuleLogView,
  UpdateRoutingRule,
} from './rules.types.js';

export const ROUTING_RULES: RuleTable = { name: 'routing_rule', columns: ['targets'] };

const AUDITED = [
  'name',
  'position',
  'enabled',
  'conditions',
  'targets',
] as const satisfies readonly (keyof RoutingRuleView)[];

/** The rules by which conversations that nobody has find their way: the first one whose conditions hold wins. */
@Injectable()
export class RoutingRulesService {
  constructor(private readonly db: Database) {}

  list(organizationId: string, request: ListRules): Promise<Page<RoutingRuleView>> {
    return listRules(this.db.reader(organizationId), ROUTING_RULES, organizationId, request);
  }

  /** @throws RuleNotFoundError */
  get(organizationId: string, id: string): Promise<RoutingRuleView> {
    return getRule(this.db.reader(organizationId), ROUTING_RULES, organizationId, id);
  }

  /** @throws RuleNotFoundError; ValidationError naming `cursor` */
  async log(organizationId: string, id: string, request: ListRuleLog): Promise<CursorPage<RuleLogView>> {
    await this.get(organizationId, id);
    return listRuleLog(this.db.reader(organizationId), organizationId, id, request);
  }

  /** @throws the NOT_FOUND of whatever it names; TooManyRulesError */
  async create(author: Author, command: CreateRoutingRule): Promise<RoutingRuleView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      await requireNamed(tx, organizationId, command);
      await lockOrder(tx, ROUTING_RULES, organizationId);
      const { position, ...fields } = command;
      const id = await insertRule(tx, ROUTING_RULES, organizationId, columnsOf(fields));
      await moveRule(tx, ROUTING_RULES, organizationId, id, position);
      const after = await getRule<RoutingRuleView>(tx, ROUTING_RULES, organizationId, id);
      const changes = changesOf<RoutingRuleView>(null, after, AUDITED);
      await appendAudit(tx, { author, action: 'routing_rule.created', subjectId: id, changes });
      return after;
    });
  }

  /** @throws RuleNotFoundError; the NOT_FOUND of whatever it names */
  async update(author: Author, { id, position, ...fields }: UpdateRoutingRule): Promise<RoutingRuleView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      await requireNamed(tx, organizationId, fields);
      await lockOrder(tx, ROUTING_RULES, organizationId);
      const before = await getRule<RoutingRuleView>(tx, ROUTING_RULES, organizationId, id);
      await updateRule(tx, ROUTING_RULES, { organizationId, id }, columnsOf(fields));
      if (position !== undefined) await moveRule(tx, ROUTING_RULES, organizationId, id, position);
      const after = await getRule<RoutingRuleView>(tx, ROUTING_RULES, organizationId, id);
      const changes = changesOf<RoutingRuleView>(before, after, AUDITED);
      if (Object.keys(changes).length > 0) {
        await appendAudit(tx, { author, action: 'routing_rule.updated', subjectId: id, changes });
      }
      return after;
    });
  }

  /** What it has put into a queue stays there. @throws RuleNotFoundError */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      await lockOrder(tx, ROUTING_RULES, organizationId);
      await getRule(tx, ROUTING_RULES, organizationId, id);
      await updateRule(tx, ROUTING_RULES, { organizationId, id }, { deleted_at: new Date() });
      await moveRule(tx, ROUTING_RULES, organizationId, id, undefined);
      await appendAudit(tx, { author, action: 'routing_rule.deleted', subjectId: id });
    });
  }
}

async function requireNamed(
  tx: Tx,
  organizationId: string,
  { conditions = [], targets = [] }: Partial<CreateRoutingRule>,
): Promise<void> {
  await requireConditionIds(tx, organizationId, conditions);
  for (const [i, { to }] of targets.entries()) await requireTarget(tx, organizationId, to, `targets.${i}.to`);
}

const columnsOf = ({ conditions, targets, ...rest }: Partial<CreateRoutingRule>): Record<string, unknown> => ({
  ...rest,
  ...(conditions && { conditions: JSON.stringify(conditions) }),
  ...(targets && { targets: JSON.stringify(targets) }),
});
