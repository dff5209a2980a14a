import { Injectable } from '@nestjs/common';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { appendAudit, changesOf } from '@hub/events/audit.js';
import type { Author } from '@hub/events/outbox.js';
import { Database } from '@hub/model/database.js';
import type { CursorPage, Page } from '@hub/platform/paging.js';
import { requireConditionIds } from '@hub/assignment/rules/rule-references.js';
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
import { loadCase } from './cases.js';
import { checkTargets } from './check-targets.js';
import type { CreateServiceLevel, ServiceLevelView, TimerView, UpdateServiceLevel } from './service-levels.types.js';

export const SERVICE_LEVELS: RuleTable = {
  name: 'service_level',
  columns: [
    'first_response AS "firstResponse"',
    'next_response AS "nextResponse"',
    'resolution',
    'warn_before AS "warnBefore"',
    'business_hours AS "businessHours"',
  ],
};

const AUDITED = [
  'name',
  'position',
  'enabled',
  'conditions',
  'firstResponse',
  'nextResponse',
  'resolution',
  'warnBefore',
  'businessHours',
] as const satisfies readonly (keyof ServiceLevelView)[];

/** What is promised to whom: a conversation is held to the first level whose conditions hold when it begins. */
@Injectable()
export class ServiceLevelsService {
  constructor(
    private readonly db: Database,
    private readonly conversations: ConversationsQueries,
  ) {}

  list(organizationId: string, request: ListRules): Promise<Page<ServiceLevelView>> {
    return listRules(this.db.reader(organizationId), SERVICE_LEVELS, organizationId, request);
  }

  /** @throws RuleNotFoundError */
  get(organizationId: string, id: string): Promise<ServiceLevelView> {
    return getRule(this.db.reader(organizationId), SERVICE_LEVELS, organizationId, id);
  }

  /** @throws RuleNotFoundError; ValidationError naming `cursor` */
  async log(organizationId: string, id: string, request: ListRuleLog): Promise<CursorPage<RuleLogView>> {
    await this.get(organizationId, id);
    return listRuleLog(this.db.reader(organizationId), organizationId, id, request);
  }

  /** How a conversation stands with what it is held to; empty when that is nothing. @throws ConversationNotFoundError */
  async listTimers(organizationId: string, conversationId: string): Promise<TimerView[]> {
    await this.conversations.requireConversation(organizationId, conversationId);
    const kept = await loadCase(this.db.reader(organizationId), { organizationId, conversationId });
    if (!kept) return [];
    const serviceLevel = { id: kept.levelId, name: kept.levelName };
    return kept.timers.map(({ warnAt: _, ...timer }) => ({ ...timer, serviceLevel }));
  }

  /** @throws ValidationError naming what is wrong with the targets; the NOT_FOUND of what it names; TooManyRulesError */
  async create(author: Author, command: CreateServiceLevel): Promise<ServiceLevelView> {
    const { organizationId } = author;
    checkTargets(command);
    return this.db.transaction(organizationId, async (tx) => {
      await requireConditionIds(tx, organizationId, command.conditions);
      await lockOrder(tx, SERVICE_LEVELS, organizationId);
      const { position, ...fields } = command;
      const id = await insertRule(tx, SERVICE_LEVELS, organizationId, columnsOf(fields));
      await moveRule(tx, SERVICE_LEVELS, organizationId, id, position);
      const after = await getRule<ServiceLevelView>(tx, SERVICE_LEVELS, organizationId, id);
      const changes = changesOf<ServiceLevelView>(null, after, AUDITED);
      await appendAudit(tx, { author, action: 'service_level.created', subjectId: id, changes });
      return after;
    });
  }

  /** Holds for conversations that begin from now on. @throws as {@link create}; RuleNotFoundError */
  async update(author: Author, { id, position, ...fields }: UpdateServiceLevel): Promise<ServiceLevelView> {
    const { organizationId } = author;
    return this.db.transaction(organizationId, async (tx) => {
      await requireConditionIds(tx, organizationId, fields.conditions ?? []);
      await lockOrder(tx, SERVICE_LEVELS, organizationId);
      const before = await getRule<ServiceLevelView>(tx, SERVICE_LEVELS, organizationId, id);
      checkTargets({ ...before, ...fields });
      await updateRule(tx, SERVICE_LEVELS, { organizationId, id }, columnsOf(fields));
      if (position !== undefined) await moveRule(tx, SERVICE_LEVELS, organizationId, id, position);
      const after = await getRule<ServiceLevelView>(tx, SERVICE_LEVELS, organizationId, id);
      const changes = changesOf<ServiceLevelView>(before, after, AUDITED);
      if (Object.keys(changes).length > 0) {
        await appendAudit(tx, { author, action: 'service_level.updated', subjectId: id, changes });
      }
      return after;
    });
  }

  /** What it has promised already is kept. @throws RuleNotFoundError */
  async remove(author: Author, id: string): Promise<void> {
    const { organizationId } = author;
    await this.db.transaction(organizationId, async (tx) => {
      await lockOrder(tx, SERVICE_LEVELS, organizationId);
      await getRule(tx, SERVICE_LEVELS, organizationId, id);
      await updateRule(tx, SERVICE_LEVELS, { organizationId, id }, { deleted_at: new Date() });
      await moveRule(tx, SERVICE_LEVELS, organizationId, id, undefined);
      await appendAudit(tx, { author, action: 'service_level.deleted', subjectId: id });
    });
  }
}

const COLUMNS: Readonly<Record<string, string>> = {
  firstResponse: 'first_response',
  nextResponse: 'next_response',
  warnBefore: 'warn_before',
};

function columnsOf({ conditions, businessHours, ...rest }: Partial<CreateServiceLevel>): Record<string, unknown> {
  const plain = Object.entries(rest).map(([field, value]) => [COLUMNS[field] ?? field, value] as const);
  return {
    ...Object.fromEntries(plain),
    ...(conditions && { conditions: JSON.stringify(conditions) }),
    ...(businessHours !== undefined && { business_hours: businessHours && JSON.stringify(businessHours) }),
  };
}
