import { Module } from '@nestjs/common';
import { PresenceQueries } from '@hub/assignment/presence/presence.queries.js';
import { PresenceService } from '@hub/assignment/presence/presence.service.js';
import { QueuesQueries } from '@hub/assignment/queues/queues.queries.js';
import { QueuesService } from '@hub/assignment/queues/queues.service.js';
import { TeamsQueries } from '@hub/assignment/teams/teams.queries.js';
import { TeamsService } from '@hub/assignment/teams/teams.service.js';
import { ChannelsModule } from '@hub/channels/channels.module.js';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { EventsModule } from '@hub/events/events.module.js';
import { Automation } from '@hub/assignment/automation/automation.js';
import { AutomationActions } from '@hub/assignment/automation/automation-actions.js';
import { AutomationRulesService } from '@hub/assignment/automation/automation-rules.service.js';
import { ClosedQueues } from '@hub/assignment/hours/closed-queues.js';
import { Handover } from '@hub/assignment/offers/handover.js';
import { OffersQueries } from '@hub/assignment/offers/offers.queries.js';
import { OffersService } from '@hub/assignment/offers/offers.service.js';
import { DrainService } from '@hub/assignment/routing/drain.service.js';
import { ExplainQueries } from '@hub/assignment/routing/explain.queries.js';
import { Hands } from '@hub/assignment/routing/hands.js';
import { QueueSignal } from '@hub/assignment/routing/queue-signal.js';
import { ReturnsService } from '@hub/assignment/routing/returns.service.js';
import { RoutingMetrics } from '@hub/assignment/routing/routing.metrics.js';
import { RoutingService } from '@hub/assignment/routing/routing.service.js';
import { RoutingRulesService } from '@hub/assignment/rules/routing-rules.service.js';
import { RuleRouter } from '@hub/assignment/rules/rule-router.js';
import { RuleTargets } from '@hub/assignment/rules/rule-targets.js';
import { Alarms } from '@hub/assignment/service-levels/alarms.js';
import { ServiceLevelClock } from '@hub/assignment/service-levels/service-level-clock.js';
import { ServiceLevelsService } from '@hub/assignment/service-levels/service-levels.service.js';
import { AssignmentQueries } from './assignment.queries.js';
import { AssignmentService } from './assignment.service.js';
import { TicketDeskService } from './ticket-desk.service.js';

const providers = [
  AssignmentService,
  AssignmentQueries,
  TicketDeskService,
  TeamsService,
  TeamsQueries,
  PresenceService,
  PresenceQueries,
  QueuesService,
  QueuesQueries,
  Hands,
  QueueSignal,
  RoutingService,
  RoutingMetrics,
  DrainService,
  ReturnsService,
  ExplainQueries,
  OffersService,
  OffersQueries,
  Handover,
  ClosedQueues,
  RuleTargets,
  RuleRouter,
  RoutingRulesService,
  AutomationActions,
  Automation,
  AutomationRulesService,
  Alarms,
  ServiceLevelClock,
  ServiceLevelsService,
];

@Module({ imports: [EventsModule, ConversationsModule, ChannelsModule], providers, exports: providers })
export class AssignmentModule {}
