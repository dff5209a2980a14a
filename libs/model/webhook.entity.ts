import { Column, Entity } from 'typeorm';
import { TenantRecord, TenantRow } from './tenant-row.js';

export type EndpointStatus = 'active' | 'inactive' | 'disabled';

export interface EndpointSecret {
  readonly sealed: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
}

export interface EndpointKeyPair {
  readonly publicKey: string;
  /** Sealed. */
  readonly privateKey: string;
}

export type SignatureKind = 'standard' | 'v1a' | 'linktor-docs' | 'linktor-sdk';

/** As callers set it; absent means the default that {@link EndpointConfig} names. */
export interface EndpointConfig {
  /** `standard` unless set. */
  readonly retryPolicy?: 'standard' | 'exponential' | 'linktor' | 'custom';
  /** Seconds before each attempt, for `custom`. */
  readonly steps?: readonly number[];
  readonly maxRetries?: number;
  /** Seconds, 1 to 30; 15 unless set. */
  readonly timeout?: number;
  /** `conversation` unless set. */
  readonly ordering?: 'conversation' | 'none' | 'strict';
  /** What is added to `standard`, which is always sent and may be named. */
  readonly signature?: SignatureKind | readonly SignatureKind[];
  /** Requests per second, 0.1 to 10,000; no limit unless set. */
  readonly rateLimit?: number;
  /** `full` unless set; `thin` leaves out the attributes. */
  readonly payload?: 'full' | 'thin';
  /** Only events of these channels; unless set, all and those that have none. */
  readonly channelIds?: readonly string[];
  /** Only events of conversations of these teams. */
  readonly teamIds?: readonly string[];
  /** Requests under way at once in one worker, 1 to 100; 10 unless set. */
  readonly concurrency?: number;
}

@Entity('webhook_endpoint')
export class WebhookEndpoint extends TenantRecord {
  @Column('text') url: string;
  @Column('text', { array: true }) events: string[];
  @Column({ type: 'text', nullable: true }) description: string | null;
  /** Name to sealed value. */
  @Column('jsonb') headers: Record<string, string>;
  @Column('jsonb') secrets: EndpointSecret[];
  /** Made when `v1a` is first asked for. */
  @Column({ type: 'jsonb', nullable: true }) keyPair: EndpointKeyPair | null;
  @Column('jsonb') config: EndpointConfig;
  @Column('text') status: EndpointStatus;
  @Column({ type: 'text', nullable: true }) disabledReason: string | null;
  @Column('integer') consecutiveFailures: number;
  @Column({ type: 'timestamptz', nullable: true }) firstFailureAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) lastSuccessAt: Date | null;
  @Column('bigint') deliveriesTotal: number;
  @Column('bigint') deliveriesSucceeded: number;
  @Column('bigint') deliveriesFailed: number;
  @Column('bigint') latencyTotalMs: number;
  /** How many of the warnings about its failing have been given. */
  @Column('smallint') failingTold: number;
  @Column('text') breaker: 'closed' | 'open';
  /** While the breaker is open: when the next probe may go. */
  @Column({ type: 'timestamptz', nullable: true }) openUntil: Date | null;
  /** Seconds of the last wait for a probe. */
  @Column('integer') probeWait: number;
  @Column('smallint') probeSuccesses: number;
  /** Requests at once while it gets back on its feet; null: as many as it is configured for. */
  @Column({ type: 'smallint', nullable: true }) slowStart: number | null;
  /** It has asked for a rest until then. */
  @Column({ type: 'timestamptz', nullable: true }) pausedUntil: Date | null;
  /** With a rate limit: when its bucket will be full again. */
  @Column({ type: 'timestamptz', nullable: true }) nextTokenAt: Date | null;
  /** Whether any of the above, or a rate limit, has to be asked before a claim. */
  @Column({ type: 'boolean', insert: false, update: false }) guarded: boolean;
}

export type DeliveryStatus = 'blocked' | 'pending' | 'leased' | 'succeeded' | 'exhausted' | 'held' | 'cancelled';

@Entity('webhook_delivery')
export class WebhookDelivery extends TenantRow {
  @Column('uuid') endpointId: string;
  @Column('uuid') eventId: string;
  @Column('text') eventType: string;
  @Column('uuid') orderKey: string;
  @Column('bigint') sequence: number;
  @Column('bigint') position: number;
  @Column('text') status: DeliveryStatus;
  /** While an attempt by hand or a test is under way: what the delivery falls back to unless it succeeds. */
  @Column({ type: 'text', nullable: true }) resumeStatus: DeliveryStatus | null;
  /** The body of a test, which is no event of the log. */
  @Column({ type: 'text', nullable: true }) testBody: string | null;
  /** Sent without its attributes. */
  @Column('boolean') thin: boolean;
  @Column('boolean') outOfBand: boolean;
  @Column('smallint') priority: number;
  @Column('integer') attemptNo: number;
  @Column('integer') attempts: number;
  @Column('timestamptz') nextAttemptAt: Date;
  @Column({ type: 'uuid', nullable: true }) leaseToken: string | null;
  @Column({ type: 'timestamptz', nullable: true }) leaseUntil: Date | null;
  @Column({ type: 'uuid', nullable: true }) lastAttemptId: string | null;
  @Column({ type: 'integer', nullable: true }) lastStatusCode: number | null;
  @Column({ type: 'text', nullable: true }) lastError: string | null;
  @Column({ type: 'timestamptz', nullable: true }) firstAttemptAt: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) lastAttemptAt: Date | null;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) finishedAt: Date | null;
}

export type AttemptOutcome =
  | 'open'
  | 'success'
  | 'http'
  | 'redirect'
  | 'timeout'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'reset'
  | 'blocked_address'
  | 'interrupted'
  | 'superseded';

export const ATTEMPT_TRIGGERS = ['auto', 'manual', 'test', 'probe', 'replay'] as const;
export type AttemptTrigger = (typeof ATTEMPT_TRIGGERS)[number];

@Entity('webhook_attempt')
export class WebhookAttempt extends TenantRow {
  @Column('uuid') deliveryId: string;
  @Column('integer') n: number;
  @Column('text') trigger: AttemptTrigger;
  @Column('uuid') leaseToken: string;
  @Column('timestamptz') startedAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) endedAt: Date | null;
  @Column('text') outcome: AttemptOutcome;
  @Column({ type: 'integer', nullable: true }) statusCode: number | null;
  @Column({ type: 'integer', nullable: true }) durationMs: number | null;
  @Column({ type: 'jsonb', nullable: true }) requestHeaders: Record<string, string> | null;
  @Column({ type: 'text', nullable: true }) responseBody: string | null;
  @Column('boolean') responseTruncated: boolean;
  @Column({ type: 'text', nullable: true }) error: string | null;
}
