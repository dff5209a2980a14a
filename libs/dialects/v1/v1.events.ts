import { Injectable } from '@nestjs/common';
import { EventFormat, type Changes, type StampedEvent } from '@hub/events/outbox.js';
import type {
  BotView,
  ChannelView,
  ContactView,
  ConversationView,
  EndpointView,
  MessageView,
  OfferView,
  ServiceLevelAlarmView,
  TicketView,
} from '@hub/model/views.js';
import type { ClosedBehavior } from '@hub/model/queue.entity.js';
import type { Action } from '@hub/assignment/automation/automation.types.js';
import type { Condition } from '@hub/assignment/rules/conditions.js';
import type { RoutingTarget } from '@hub/assignment/rules/rules.types.js';
import { encodeId } from '@hub/platform/ids.js';
import { botResource } from './bot.mapper.js';
import { channelResource } from './channel.mapper.js';
import { contactResource, publicIdentifiers } from './contact.mapper.js';
import { conversationResource } from './conversation.mapper.js';
import { messageResource } from './message.mapper.js';
import { offerResource } from './offer.mapper.js';
import { publicClosedBehavior } from './queue.mapper.js';
import { publicAction, publicCondition, publicTarget } from './rule.mapper.js';
import { serviceLevelAlarmResource } from './service-level.mapper.js';
import { ticketResource } from './ticket.mapper.js';
import type { Resource } from './v1.envelope.js';
import { partyId } from './v1.ids.js';

/** By the first word of the event's name: how its subject is shown. */
const SUBJECTS: Readonly<Record<string, (subject: never) => Resource>> = {
  conversation: (view: ConversationView) => conversationResource(view),
  message: (view: MessageView) => messageResource(view),
  contact: (view: ContactView) => contactResource(view),
  channel: (view: ChannelView) => channelResource(view),
  bot: (view: BotView) => botResource(view),
  ticket: (view: TicketView) => ticketResource(view),
  assignment: (view: OfferView) => offerResource(view),
  sla: (view: ServiceLevelAlarmView) => serviceLevelAlarmResource(view),
  webhook: (view: EndpointView) => ({
    id: encodeId('wh', view.id),
    type: 'webhook',
    attributes: {
      url: view.url,
      status: view.status,
      disabledReason: view.disabledReason,
      disableAt: view.disableAt,
      failingSince: view.failingSince,
      consecutiveFailures: view.consecutiveFailures,
      lastSuccessAt: view.lastSuccessAt,
    },
  }),
  test: ({ id, message }: { id: string; message: string }) => ({
    id: encodeId('test', id),
    type: 'test',
    attributes: { message },
  }),
};

/** Where each kind of subject is to be had. */
const COLLECTIONS: Readonly<Record<string, string>> = {
  conversation: 'conversations',
  message: 'messages',
  contact: 'contacts',
  channel: 'channels',
  bot: 'bots',
  ticket: 'tickets',
  webhook: 'webhooks',
};

/** The subject of an event in the shape that the API itself answers with. */
export function subjectResource(type: string, subject: unknown): Resource {
  const show = SUBJECTS[type.split('.')[0] ?? ''];
  if (!show) throw new Error(`No subject is known for the event ${type}`);
  return show(subject as never);
}

/** Events as the native API words them; both forms that its clients' parsers expect (`event` and `type`) in one. */
@Injectable()
export class V1EventFormat extends EventFormat {
  render(event: StampedEvent): readonly [string, string] {
    const organizationId = encodeId('org', event.author.organizationId);
    const { principal } = event.author;
    const head = JSON.stringify({
      id: encodeId('evt', event.id),
      type: event.type,
      event: event.type,
      timestamp: event.at,
      tenantId: organizationId,
      data: subjectResource(event.type, event.subject),
      meta: { organizationId },
    });
    const tail = JSON.stringify({
      actor: { type: principal.type, id: partyId(principal), name: principal.name },
      ...(event.changes && { changes: publicChanges(event.changes) }),
    });
    return [`${head.slice(0, -2)},"sequence":`, `,${tail.slice(1)}}`];
  }

  override thin(body: string): string {
    const { data, meta, ...envelope } = JSON.parse(body) as { data: Resource; meta: Record<string, unknown> };
    const { changes: _, ...kept } = meta; // they are as long as what they change
    const { type, id: subject, attributes } = data;
    const offered = type === 'offer' && (attributes['conversation'] as { id: string }).id;
    const collection = COLLECTIONS[offered ? 'conversation' : type]; // an offer is read in its conversation's story
    const links = collection && { links: { self: `/v1/${collection}/${offered || subject}` } };
    return JSON.stringify({ ...envelope, data: { id: data.id, type: data.type, ...links }, meta: kept });
  }
}

/** Changes with public ids, in the fields that hold any. */
export function publicChanges(changes: Changes): Changes {
  return Object.fromEntries(
    Object.entries(changes).map(([field, { before, after }]) => {
      const show = (value: unknown): unknown => {
        if (field === 'assignee' && value) {
          const assignee = value as { type: 'user' | 'bot'; id: string; name: string };
          return { ...assignee, id: encodeId(assignee.type, assignee.id) };
        }
        if (field === 'note' && value && typeof (value as { id?: unknown }).id === 'string') {
          return { id: encodeId('msg', (value as { id: string }).id) };
        }
        if (field === 'ticketId' && typeof value === 'string') return encodeId('ticket', value);
        if (field === 'queue' && value) return withId('queue', value);
        if (field === 'staff' && value) return withId('user', value);
        if (field === 'participants' && Array.isArray(value)) return value.map(withOwnPrefix);
        if (field === 'contact' && value) return withId('contact', value);
        if (field === 'mergedContacts') return (value as string[]).map((id) => encodeId('contact', id));
        if (field === 'identifiers') return publicIdentifiers(value as ContactView['identifiers']);
        if (field === 'userId' && value) return encodeId('user', value as string);
        if (field === 'teamId' && value) return encodeId('team', value as string);
        if (field === 'closedBehavior' && value) return publicClosedBehavior(value as ClosedBehavior);
        if (field === 'conditions' && value) return (value as Condition[]).map(publicCondition);
        if (field === 'targets' && value) return (value as RoutingTarget[]).map(publicTarget);
        if (field === 'actions' && value) return (value as Action[]).map(publicAction);
        if (field === 'defaultBot' && value) return withId('bot', value);
        if (field === 'channels' && Array.isArray(value)) return value.map((channel) => withId('ch', channel));
        return value;
      };
      return [field, { before: show(before), after: show(after) }];
    }),
  );
}

const withOwnPrefix = (value: unknown): object => withId((value as { readonly type: string }).type, value);
const withId = (prefix: string, value: unknown): object => {
  const named = value as { readonly id: string };
  return { ...named, id: encodeId(prefix, named.id) };
};
