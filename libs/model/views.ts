import type { BotProvider, BotStatus } from './bot.entity.js';
import type { ChannelStatus, ChannelType } from './channel.entity.js';
import type { AssigneeType, ConversationStatus, PartyRef, Priority, Resolution } from './conversation.entity.js';
import type { MessageContent, MessageDirection, MessageStatus } from './message.entity.js';
import type { JsonObject } from './tenant-row.js';

/** What a read gives and an event carries: one row with the names of its neighbours. Ids are UUIDs. */
export interface ConversationView {
  readonly organizationId: string;
  readonly id: string;
  readonly number: number;
  readonly subject: string | null;
  readonly status: ConversationStatus;
  readonly priority: Priority;
  readonly channel: { readonly id: string; readonly type: ChannelType; readonly name: string };
  readonly contact: {
    readonly id: string;
    readonly name: string | null;
    readonly phone: string | null;
    readonly email: string | null;
    readonly avatar: string | null;
    readonly metadata: JsonObject;
  };
  readonly assignee: { readonly id: string; readonly type: AssigneeType; readonly name: string } | null;
  readonly assignedAt: Date | null;
  readonly assignedBy: PartyRef | null;
  readonly bot: { readonly id: string; readonly name: string; readonly active: boolean } | null;
  readonly lastMessage: {
    readonly id: string;
    readonly content: MessageContent;
    readonly direction: MessageDirection;
    readonly timestamp: Date;
  } | null;
  readonly unreadCount: number;
  readonly messageCount: number;
  readonly firstMessageAt: Date | null;
  readonly lastMessageAt: Date | null;
  readonly snoozedUntil: Date | null;
  readonly closedAt: Date | null;
  readonly closedBy: PartyRef | null;
  readonly resolution: Resolution | null;
  readonly closureReason: string | null;
  readonly reopenedAt: Date | null;
  readonly reopenedBy: PartyRef | null;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
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
  readonly occurredAt: Date;
  readonly createdAt: Date;
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
