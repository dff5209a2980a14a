import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { ApiKey } from './api-key.entity.js';
import { AuditRecord } from './audit.entity.js';
import { Attachment } from './attachment.entity.js';
import { Bot, BotChannel } from './bot.entity.js';
import { Channel } from './channel.entity.js';
import { Contact, ContactIdentity } from './contact.entity.js';
import { Assignment } from './assignment.entity.js';
import { Conversation } from './conversation.entity.js';
import { EventRecord } from './event.entity.js';
import { Message } from './message.entity.js';
import { Initial1700000000001 } from './migrations/0001-initial.js';
import { RowLevelSecurity1700000000002 } from './migrations/0002-row-level-security.js';
import { Identity1700000000003 } from './migrations/0003-identity.js';
import { Idempotency1700000000004 } from './migrations/0004-idempotency.js';
import { Audit1700000000005 } from './migrations/0005-audit.js';
import { SecretRotation1700000000006 } from './migrations/0006-secret-rotation.js';
import { Access1700000000007 } from './migrations/0007-access.js';
import { MessagingCore1700000000008 } from './migrations/0008-messaging-core.js';
import { ContactsAndAccounts1700000000009 } from './migrations/0009-contacts-and-accounts.js';
import { CheaperWall1700000000010 } from './migrations/0010-cheaper-wall.js';
import { MessageSearch1700000000013 } from './migrations/0013-message-search.js';
import { BoundedSearch1700000000015 } from './migrations/0015-bounded-search.js';
import { CoveringFilters1700000000016 } from './migrations/0016-covering-filters.js';
import { BoundedLists1700000000017 } from './migrations/0017-bounded-lists.js';
import { WebhookKeyPair1700000000018 } from './migrations/0018-webhook-key-pair.js';
import { DeliveryEngine1700000000019 } from './migrations/0019-delivery-engine.js';
import { Routing1700000000020 } from './migrations/0020-routing.js';
import { RoutingDue1700000000021 } from './migrations/0021-routing-due.js';
import { Rules1700000000022 } from './migrations/0022-rules.js';
import { ServiceLevels1700000000023 } from './migrations/0023-service-levels.js';
import { SnakeNaming } from './naming.js';
import { Organization } from './organization.entity.js';
import { Participant } from './participant.entity.js';
import { Queue } from './queue.entity.js';
import { Team } from './team.entity.js';
import { Ticket } from './ticket.entity.js';
import { User } from './user.entity.js';
import { WebhookAttempt, WebhookDelivery, WebhookEndpoint } from './webhook.entity.js';

// bigint columns hold counters and numbers below 2^53 only
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * Connections that are kept however quiet it is. Making one takes several turns of the event loop, and in a flood each
 * turn is long: whoever needs the first ones then would wait for them in vain.
 */
export const KEPT_CONNECTIONS = 4;

const ENTITIES = [
  Organization,
  User,
  ApiKey,
  Contact,
  ContactIdentity,
  Bot,
  BotChannel,
  Channel,
  Conversation,
  Message,
  Participant,
  Assignment,
  EventRecord,
  WebhookEndpoint,
  WebhookDelivery,
  WebhookAttempt,
  AuditRecord,
  Attachment,
  Ticket,
  Team,
  Queue,
];

/** @param poolSize connections at the most */
export function dataSourceOptions(url: string, poolSize: number): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    poolSize,
    applicationName: 'switchboard',
    connectTimeoutMS: 5_000,
    extra: {
      min: Math.min(KEPT_CONNECTIONS, poolSize),
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 10_000, // a process that was stopped halfway gives its locks back
      pipeline: true,
    },
    namingStrategy: new SnakeNaming(),
    entities: ENTITIES,
    migrations: [
      Initial1700000000001,
      RowLevelSecurity1700000000002,
      Identity1700000000003,
      Idempotency1700000000004,
      Audit1700000000005,
      SecretRotation1700000000006,
      Access1700000000007,
      MessagingCore1700000000008,
      ContactsAndAccounts1700000000009,
      CheaperWall1700000000010,
      MessageSearch1700000000013,
      BoundedSearch1700000000015,
      CoveringFilters1700000000016,
      BoundedLists1700000000017,
      WebhookKeyPair1700000000018,
      DeliveryEngine1700000000019,
      Routing1700000000020,
      RoutingDue1700000000021,
      Rules1700000000022,
      ServiceLevels1700000000023,
    ],
    migrationsTransactionMode: 'each',
    synchronize: false,
  };
}

export const createDataSource = (url: string, poolSize = 10): DataSource =>
  new DataSource(dataSourceOptions(url, poolSize));
