import { Module } from '@nestjs/common';
import { PresenceQueries } from '@hub/assignment/presence/presence.queries.js';
import { PresenceService } from '@hub/assignment/presence/presence.service.js';
import { QueuesQueries } from '@hub/assignment/queues/queues.queries.js';
import { QueuesService } from '@hub/assignment/queues/queues.service.js';
import { QueueSignal } from '@hub/assignment/routing/queue-signal.js';
import { TeamsQueries } from '@hub/assignment/teams/teams.queries.js';
import { TeamsService } from '@hub/assignment/teams/teams.service.js';
import { ChannelsModule } from '@hub/channels/channels.module.js';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { AssignmentQueries } from './assignment.queries.js';
import { AssignmentService } from './assignment.service.js';
import { TicketDeskService } from './ticket-desk.service.js';

const providers = [
  AssignmentService,
  AssignmentQueries,
  TicketDeskService,
  QueueSignal,
  TeamsService,
  TeamsQueries,
  PresenceService,
  PresenceQueries,
  QueuesService,
  QueuesQueries,
];

@Module({ imports: [ConversationsModule, ChannelsModule], providers, exports: providers })
export class AssignmentModule {}
