import { Module } from '@nestjs/common';
import { ChannelsModule } from '@hub/channels/channels.module.js';
import { ConversationsModule } from '@hub/conversations/conversations.module.js';
import { AssignmentQueries } from './assignment.queries.js';
import { AssignmentService } from './assignment.service.js';
import { TicketDeskService } from './ticket-desk.service.js';

const providers = [AssignmentService, AssignmentQueries, TicketDeskService];

@Module({ imports: [ConversationsModule, ChannelsModule], providers, exports: providers })
export class AssignmentModule {}
