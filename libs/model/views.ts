import type { ExtractionStatus, MediaKind } from './attachment.entity.js';
import type { BotProvider, BotStatus } from './bot.entity.js';
import type { ChannelStatus, ChannelType } from './channel.entity.js';
import type { AssigneeType, ConversationStatus, PartyRef, Priority, Resolution } from './conversation.entity.js';
import type { DraftState, MessageContent, MessageDirection, MessageStatus, Recipients } from './message.entity.js';
import type { JsonObject } from './tenant-row.js';
import type { TicketStatus } from './ticket.entity.js';

/** What a read gives and an event carries: one row with the names of its neighbours. Ids are UUIDs. */
export interface ConversationView {
  readonly organizationId: string;
  readonly id: string;
  readonly number: number;
  readonly subject: string | null;
  readonly status: ConversationStatus;
  readonly priority: Priority;
  readonly channel: {
    readonly id: string;
    readonly number: number;
    readonly type: ChannelType;
    readonly name: string;
  };
  /** Null where colleagues talk among themselves. */
  readonly contact: {
    readonly id: string;
    readonly number: number;
    readonly name: string | null;
    readonly phone: string | null;
    readonly email: string | null;
    readonly avatar: string | null;
    readonly metadata: JsonObject;
  } | null;
  readonly assignee: {
    readonly id: string;
    readonly number: number;
    readonly type: AssigneeType;
    readonly name: string;
  } | null;
  readonly assignedAt: Date | null;
  readonly assignedBy: PartyRef | null;
  readonly bot: { readonly id: string; readonly name: string; readonly active: boolean } | null;
  readonly lastMessage: {
    readonly id: string;
    readonly content: MessageContent;
    readonly direction: MessageDirection;
    readonly timestamp: Date;
  } | null;
  readonly ticketId: string | null;
  readonly entity: { readonly type: string; readonly id: string } | null;
  readonly unreadCount: number;
  readonly messageCount: number;
  readonly firstMessageAt: Date | null;
  readonly lastMessageAt: Date | null;
  readonly snoozedUntil: Date | null;
  readonly closedAt: Date | null;
  readonly closedBy: PartyRef | null;
  readonly resolution: Resolution | null;
  readonly closureReason: string | null;
  readonly archivedAt: Date | null;
  readonly reopenedAt: Date | null;
  readonly reopenedBy: PartyRef | null;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A conversation and the promise that is at risk or broken. */
export interface ServiceLevelAlarmView extends ConversationView {
  readonly serviceLevel: {
    readonly id: string;
    readonly name: string;
    readonly metric: 'first_response' | 'next_response' | 'resolution';
    readonly dueAt: Date | null;
    readonly warnedAt: Date | null;
    readonly breachedAt: Date | null;
  };
}

export interface MessageView {
  readonly organizationId: string;
  readonly id: string;
  readonly number: number;
  readonly conversationId: string;
  readonly channelId: string;
  readonly seq: number;
  readonly direction: MessageDirection;
  readonly content: MessageContent;
  readonly status: MessageStatus;
  readonly sender: PartyRef;
  readonly externalId: string | null;
  readonly clientMessageId: string | null;
  readonly metadata: JsonObject;
  readonly recipients: Recipients | null;
  /** Null of what was never one. */
  readonly draft: {
    readonly state: DraftState;
    readonly reason: string | null;
    readonly reviewedBy: PartyRef | null;
    /** ISO 8601. */
    readonly reviewedAt: string | null;
  } | null;
  readonly attachments: readonly AttachmentView[];
  readonly scheduledAt: Date | null;
  readonly sentAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly readAt: Date | null;
  readonly failedAt: Date | null;
  readonly failedReason: string | null;
  readonly outcomeUnknown: boolean;
  readonly deletedAt: Date | null;
  /** Whether the staff has read it; what the staff has written counts as read. */
  readonly readByStaff: boolean;
  readonly occurredAt: Date;
  readonly createdAt: Date;
}

/** What an ordinary message has none of. */
export const PLAIN_MESSAGE = {
  recipients: null,
  draft: null,
  attachments: [],
  scheduledAt: null,
  sentAt: null,
  deliveredAt: null,
  readAt: null,
  failedAt: null,
  failedReason: null,
  outcomeUnknown: false,
  deletedAt: null,
} as const satisfies Partial<MessageView>;

/** A file of a message. `stored`: the media store has it; else it is kept at `originalUrl`. */
export interface AttachmentView {
  readonly id: string;
  readonly number: number;
  readonly kind: MediaKind;
  readonly name: string;
  readonly contentType: string;
  readonly size: number | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly inline: boolean;
  readonly stored: boolean;
  readonly originalUrl: string | null;
  readonly extractionStatus: ExtractionStatus;
  readonly extractedData: JsonObject | null;
  readonly extractionData: JsonObject | null;
}

export interface TicketView {
  readonly organizationId: string;
  readonly id: string;
  readonly number: number;
  readonly subject: string;
  readonly status: TicketStatus;
  readonly priority: Priority;
  readonly contact: { readonly id: string; readonly number: number; readonly name: string | null };
  readonly staff: { readonly id: string; readonly number: number; readonly name: string } | null;
  readonly metadata: JsonObject;
  readonly closedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ContactView {
  readonly organizationId: string;
  readonly id: string;
  readonly number: number;
  readonly name: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly avatar: string | null;
  readonly externalId: string | null;
  readonly metadata: JsonObject;
  readonly tags: readonly string[];
  readonly identifiers: readonly {
    readonly channelType: string;
    readonly channelId: string;
    readonly identifier: string;
    readonly displayName: string | null;
  }[];
  readonly lastSeenAt: Date | null;
  readonly conversationCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ChannelView {
  readonly organizationId: string;
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly type: ChannelType;
  readonly status: ChannelStatus;
  /** Secret values already masked. */
  readonly config: JsonObject;
  readonly defaultBot: { readonly id: string; readonly name: string } | null;
  readonly reopenWindowSeconds: number;
  readonly stats: {
    /** Exact below 10,000, which stands for that many or more. */
    readonly messagesLast24h: number;
    readonly lastMessageAt: Date | null;
  };
  readonly health: {
    /** `degraded`: active, but a message has failed within a day. */
    readonly status: 'inactive' | 'healthy' | 'degraded' | 'unhealthy';
    /** The latest within a day. */
    readonly lastFailure: { readonly at: Date; readonly reason: string | null } | null;
  };
  readonly metadata: JsonObject;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface BotView {
  readonly organizationId: string;
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly description: string | null;
  readonly status: BotStatus;
  readonly provider: BotProvider;
  readonly model: string | null;
  /** Secret values already masked. */
  readonly config: JsonObject;
  readonly channels: readonly { readonly id: string; readonly name: string; readonly type: ChannelType }[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A webhook endpoint, as its own events tell of it. */
export interface EndpointView {
  readonly organizationId: string;
  readonly id: string;
  readonly url: string;
  readonly status: 'active' | 'inactive' | 'disabled';
  /** `gone` (410), `requested` (by its own answer), `failing`. */
  readonly disabledReason: string | null;
  /** When it will be disabled unless it answers with a success; null while it is well. */
  readonly disableAt: Date | null;
  /** The first failure since its last success. */
  readonly failingSince: Date | null;
  readonly consecutiveFailures: number;
  readonly lastSuccessAt: Date | null;
}

export type OfferState = 'open' | 'accepted' | 'declined' | 'expired' | 'withdrawn';
export type OfferKind = 'queue' | 'broadcast' | 'transfer';

/** Who was considered for a conversation, and why each was or was not chosen: at most twenty by name. */
export interface OfferDecision {
  readonly strategy: string;
  /** Members of the team. */
  readonly considered: number;
  readonly eligible: number;
  readonly candidates: readonly {
    readonly id: string;
    readonly name: string;
    /** `chosen`, `eligible`, or why not: offline, away, busy, full, lacks a skill, passed, suspended. */
    readonly outcome: string;
    /** Conversations in their hands and on offer to them, of how many. */
    readonly load: number;
    readonly capacity: number;
  }[];
}

/** A conversation that somebody may take, for as long as the offer is open. */
export interface OfferView {
  readonly organizationId: string;
  readonly id: string;
  readonly kind: OfferKind;
  readonly state: OfferState;
  readonly user: { readonly id: string; readonly name: string };
  readonly conversation: {
    readonly id: string;
    readonly subject: string | null;
    readonly priority: Priority;
    readonly channel: { readonly id: string; readonly name: string; readonly type: ChannelType };
    readonly contact: { readonly id: string; readonly name: string | null } | null;
  };
  readonly queue: { readonly id: string; readonly name: string } | null;
  /** Why it was declined. */
  readonly reason: string | null;
  /** Of a warm transfer: from whom and with what. */
  readonly transfer: {
    readonly by: PartyRef;
    readonly reason: string | null;
    readonly summary: string | null;
    readonly notifyContact: boolean;
  } | null;
  readonly expiresAt: Date;
  readonly createdAt: Date;
  readonly decidedAt: Date | null;
}
