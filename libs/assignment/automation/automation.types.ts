import type { EventType } from '@hub/events/catalog.js';
import type { Priority, Resolution } from '@hub/model/conversation.entity.js';
import type { BusinessHours } from '@hub/model/queue.entity.js';
import type { TargetRef } from '@hub/assignment/routing/targets.js';
import type { RuleSettings, RuleView } from '@hub/assignment/rules/rules.types.js';

/** What a rule does. Durations in seconds. */
export type Action =
  | { readonly type: 'assign'; readonly to: TargetRef }
  | { readonly type: 'unassign' }
  | { readonly type: 'addTags' | 'removeTags'; readonly tags: readonly string[] }
  | { readonly type: 'setPriority'; readonly priority: Priority }
  | { readonly type: 'reply' | 'note'; readonly text: string }
  | { readonly type: 'snooze'; readonly seconds: number }
  | { readonly type: 'snooze'; readonly untilOpen: BusinessHours }
  | { readonly type: 'close'; readonly resolution: Resolution | null; readonly reason: string | null }
  | { readonly type: 'callWebhook'; readonly url: string };

export interface AutomationRuleView extends RuleView {
  readonly event: EventType;
  readonly actions: readonly Action[];
}

export interface CreateAutomationRule extends RuleSettings {
  readonly event: EventType;
  readonly actions: readonly Action[];
}

/** Absent fields stay as they are. */
export type UpdateAutomationRule = Partial<CreateAutomationRule> & { readonly id: string };

/** A rule as it was written; with the secret that signs its calls where that was made just now. */
export interface WrittenAutomationRule {
  readonly rule: AutomationRuleView;
  readonly secret: string | null;
}
