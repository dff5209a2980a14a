import { ConflictError, HubError, NotFoundError, UnprocessableError, ValidationError } from '@hub/platform/errors.js';

export class ConversationNotFoundError extends NotFoundError {
  constructor() {
    super('CONVERSATION_NOT_FOUND', 'Conversation does not exist');
  }
}

export class MessageNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('MESSAGE_NOT_FOUND', 'Message does not exist', field);
  }
}

export class TicketNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('TICKET_NOT_FOUND', 'Ticket does not exist', field);
  }
}

export class BotNotFoundError extends NotFoundError {
  constructor(field?: string) {
    super('BOT_NOT_FOUND', 'Bot does not exist', field);
  }
}

/** `conversationId` is the UUID of the one that is in the way, where it is known. */
export class ConversationExistsError extends ConflictError {
  constructor(conversationId?: string) {
    super(
      'CONVERSATION_EXISTS',
      'The contact has an active conversation on this channel',
      conversationId ? { conversationId } : {},
    );
  }
}

export class ConversationClosedError extends ConflictError {
  constructor() {
    super('CONVERSATION_CLOSED', 'The conversation is closed: reopen it first');
  }
}

export class VersionMismatchError extends HubError {
  constructor(current: number) {
    super('version_mismatch', 'VERSION_MISMATCH', `The conversation has changed: its version is ${current}`);
  }
}

export class ChannelNotConnectedError extends UnprocessableError {
  constructor() {
    super('CHANNEL_NOT_CONNECTED', 'The channel is not active: POST /channels/:id/activate');
  }
}

export class UnsupportedContentTypeError extends ValidationError {
  constructor(type: string, channelType: string) {
    super(
      [{ field: 'content.type', message: `a channel of type ${channelType} cannot carry ${type}` }],
      'The channel cannot carry this content',
      'UNSUPPORTED_CONTENT_TYPE',
    );
  }
}

/** The conversation is not on the channel that the caller names with it. */
export class OtherChannelError extends NotFoundError {
  constructor() {
    super('CHANNEL_NOT_FOUND', 'The conversation is on no such channel', 'channelId');
  }
}

/** Nobody on a channel of this type can be reached like that. */
export class InvalidRecipientError extends ValidationError {
  constructor(field: string, message: string) {
    super([{ field, message: `${field} ${message}` }], 'The channel cannot reach this recipient', 'INVALID_RECIPIENT');
  }
}

/** Somebody has decided about the draft already, and otherwise. */
export class DraftDecidedError extends ConflictError {
  constructor(state: string) {
    super('RESOURCE_ALREADY_EXISTS', `The draft was ${state} already`);
  }
}

export class DeleteNotSupportedError extends HubError {
  constructor(channelType: string) {
    super(
      'validation',
      'DELETE_NOT_SUPPORTED',
      `A channel of type ${channelType} does not take back what it has delivered`,
    );
  }
}

export class DeleteWindowExpiredError extends HubError {
  constructor(hours: number) {
    super(
      'validation',
      'DELETE_WINDOW_EXPIRED',
      `A message can be taken back from everyone within ${hours} hours: without forEveryone it is removed here`,
    );
  }
}
