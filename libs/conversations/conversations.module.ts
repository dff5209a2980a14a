import { Module } from '@nestjs/common';
import { ChannelsModule } from '@hub/channels/channels.module.js';
import { ContactsModule } from '@hub/contacts/contacts.module.js';
import { EventsModule } from '@hub/events/events.module.js';
import { ChannelLifecycleService } from './channel-lifecycle.service.js';
import { ContactMergeService } from './contact-merge.service.js';
import { ConversationsQueries } from './conversations.queries.js';
import { ConversationsService } from './conversations.service.js';
import { InternalConversationsService } from './internal-conversations.service.js';
import { DraftsService } from './drafts.service.js';
import { InboundService } from './inbound.service.js';
import { MessageWriter } from './message-writer.js';
import { MessagesQueries } from './messages.queries.js';
import { MessagesService } from './messages.service.js';
import { NumberedConversationsQueries } from './numbered-conversations.queries.js';
import { NumbersQueries } from './numbers.queries.js';
import { OutboundService } from './outbound.service.js';
import { ReadsService } from './reads.service.js';
import { ReceiptsService } from './receipts.service.js';
import { RemovalService } from './removal.service.js';
import { ScheduleService } from './schedule.service.js';
import { ParticipantsQueries } from './participants.queries.js';
import { ParticipantsService } from './participants.service.js';
import { TranscriptsQueries } from './transcripts.queries.js';
import { TicketThreadsQueries } from './ticket-threads.queries.js';
import { TicketsQueries } from './tickets.queries.js';
import { TicketsService } from './tickets.service.js';
import { OutreachService } from './outreach.service.js';

const providers = [
  ConversationsService,
  ConversationsQueries,
  MessagesService,
  MessagesQueries,
  MessageWriter,
  InboundService,
  ChannelLifecycleService,
  NumbersQueries,
  OutboundService,
  DraftsService,
  ScheduleService,
  ReceiptsService,
  ReadsService,
  RemovalService,
  ParticipantsService,
  ParticipantsQueries,
  TicketsService,
  TicketsQueries,
  TranscriptsQueries,
  InternalConversationsService,
  ContactMergeService,
  NumberedConversationsQueries,
  OutreachService,
  TicketThreadsQueries,
];

@Module({ imports: [EventsModule, ContactsModule, ChannelsModule], providers, exports: providers })
export class ConversationsModule {}
