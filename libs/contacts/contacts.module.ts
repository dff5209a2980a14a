import { Module } from '@nestjs/common';
import { EventsModule } from '@hub/events/events.module.js';
import { ContactMerging } from './contact-merging.js';
import { ContactsQueries } from './contacts.queries.js';
import { ContactsService } from './contacts.service.js';

@Module({
  imports: [EventsModule],
  providers: [ContactsService, ContactsQueries, ContactMerging],
  exports: [ContactsService, ContactsQueries, ContactMerging],
})
export class ContactsModule {}
