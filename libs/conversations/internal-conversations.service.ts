import { Injectable } from '@nestjs/common';
import { ChannelsService } from '@hub/channels/channels.service.js';
import type { Author } from '@hub/events/outbox.js';
import type { ConversationView } from '@hub/model/views.js';
import { ConversationsService } from './conversations.service.js';
import type { OpenConversation } from './conversations.types.js';

/** What users open among themselves: always a new one. */
export interface OpenInternal {
  readonly subject: string | null;
  readonly entity: OpenConversation['entity'];
  /** Users of any role, each once or more. */
  readonly userIds: readonly string[];
}

@Injectable()
export class InternalConversationsService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly channels: ChannelsService,
  ) {}

  /**
   * Opens a conversation of users in the organization's built-in channel; there is no contact in it.
   * @throws UserNotFoundError naming `userIds`; UnprocessableError ASSIGNEE_UNAVAILABLE of a suspended one
   */
  async open(author: Author, { subject, entity, userIds }: OpenInternal): Promise<ConversationView> {
    return this.conversations.transaction(author, async (tx) =>
      this.conversations.openIn(tx, author, {
        channelId: await this.channels.builtinIn(tx, author),
        contact: null,
        anyRole: true,
        subject,
        entity,
        userIds,
        botId: null,
        priority: 'normal',
        metadata: {},
        tags: [],
      }),
    );
  }
}
