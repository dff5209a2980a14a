import type { Priority } from '@hub/model/conversation.entity.js';
import type { PageRequest } from '@hub/platform/paging.js';
import type { Skill } from '@hub/assignment/routing/routing.types.js';
import type { TargetRef } from '@hub/assignment/routing/targets.js';
import type { Condition } from './conditions.js';

/** What all rules have. Those of an organization are tried in the order of their positions: 1, 2, 3 … */
export interface RuleView {
  readonly id: string;
  readonly name: string;
  readonly position: number;
  readonly enabled: boolean;
  readonly conditions: readonly Condition[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** One of those that a routing rule gives a conversation to, in turn. */
export interface RoutingTarget {
  readonly to: TargetRef;
  /** Seconds without an assignment after which the next one has its turn; of a queue or a team. */
  readonly timeout?: number;
  /** The place in the queue is at least as high as this gives. */
  readonly priority?: Priority;
  /** Wanted beside the queue's. */
  readonly skills?: readonly Skill[];
}

export interface RoutingRuleView extends RuleView {
  readonly targets: readonly RoutingTarget[];
}

export interface RuleSettings {
  readonly name: string;
  readonly enabled: boolean;
  readonly conditions: readonly Condition[];
  /** Last unless set; the others make room. */
  readonly position?: number;
}

export interface CreateRoutingRule extends RuleSettings {
  readonly targets: readonly RoutingTarget[];
}

/** Absent fields stay as they are. */
export type UpdateRoutingRule = Partial<CreateRoutingRule> & { readonly id: string };

export type ListRules = PageRequest;

/** One time that a rule was applied to something, and what came of it. */
export interface RuleLogView {
  readonly id: string;
  readonly conversationId: string | null;
  readonly eventId: string | null;
  readonly outcome: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
}

export interface ListRuleLog {
  readonly cursor?: string;
  readonly limit: number;
}
