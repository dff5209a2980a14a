import type {
  AttemptOutcome,
  AttemptTrigger,
  DeliveryStatus,
  EndpointConfig,
  EndpointStatus,
} from '@hub/model/webhook.entity.js';
import type { PageRequest } from '@hub/platform/paging.js';

export interface CreateWebhook {
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly config: EndpointConfig;
}

/** Absent fields stay as they are; `config` is merged key by key, `headers` are replaced as a whole. */
export interface UpdateWebhook {
  readonly id: string;
  readonly url?: string;
  readonly events?: readonly string[];
  readonly description?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly config?: EndpointConfig;
  /** `inactive` holds what is unfinished and takes nothing new; `active` delivers what was held, in order. */
  readonly status?: 'active' | 'inactive';
}

export interface ListWebhooks extends PageRequest {
  readonly status?: EndpointStatus;
  readonly sortOrder: 'asc' | 'desc';
}

/** As subscribers know them: a blocked or leased delivery is pending, an exhausted one failed. */
export const DELIVERY_STATUSES = ['pending', 'succeeded', 'failed', 'held', 'cancelled'] as const;
export type ShownDeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export interface ListDeliveries extends PageRequest {
  readonly status?: ShownDeliveryStatus;
  /** An event type, a group such as `conversation.*`, or `*`. */
  readonly event?: string;
  readonly conversationId?: string;
  readonly eventId?: string;
  /** By the time of the event: from the one on, before the other. */
  readonly since?: Date;
  readonly until?: Date;
  readonly sortOrder: 'asc' | 'desc';
}

export interface WebhookView {
  readonly organizationId: string;
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string | null;
  /** Values masked. */
  readonly headers: Readonly<Record<string, string>>;
  /** Defaults filled in. */
  readonly config: EndpointConfig;
  /** For `v1a` signatures; null until they have been asked for. */
  readonly publicKey: string | null;
  readonly status: EndpointStatus;
  readonly disabledReason: string | null;
  /** When it will be disabled unless it answers with a success; null while it is well. */
  readonly disableAt: Date | null;
  readonly health: EndpointHealth;
  readonly stats: {
    /** Deliveries that have been attempted. */
    readonly deliveriesTotal: number;
    readonly deliveriesSucceeded: number;
    readonly deliveriesFailed: number;
    /** 0 to 1 of those that have ended; null while none has. */
    readonly successRate: number | null;
    /** Milliseconds of a successful attempt; null while there is none. */
    readonly avgLatency: number | null;
  };
  readonly lastDelivery: {
    readonly id: string;
    readonly event: string;
    readonly status: ShownDeliveryStatus;
    readonly statusCode: number | null;
    readonly timestamp: Date;
  } | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** How an endpoint fares; each time is null where it means nothing. */
export interface EndpointHealth {
  /** `open`: nothing is sent but a probe at `nextProbeAt`. */
  readonly breaker: 'closed' | 'open';
  readonly nextProbeAt: Date | null;
  /** It has asked for a rest until then. */
  readonly pausedUntil: Date | null;
  /** The first failure since its last success. */
  readonly failingSince: Date | null;
  readonly consecutiveFailures: number;
  readonly lastSuccessAt: Date | null;
}

/** With the signing secret, which is shown this once. */
export interface NewSecretView {
  readonly webhook: WebhookView;
  readonly secret: string;
}

export interface DeliveryView {
  readonly organizationId: string;
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly event: string;
  /** The conversation, of events that have one; else the subject. */
  readonly orderKey: string;
  readonly sequence: number;
  readonly status: ShownDeliveryStatus;
  readonly statusCode: number | null;
  readonly errorMessage: string | null;
  /** How many were made. */
  readonly attempts: number;
  /** The body as it is sent, parsed. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Of the last attempt; signature and custom headers masked. */
  readonly request: { readonly headers: Readonly<Record<string, string>> } | null;
  readonly response: {
    readonly statusCode: number;
    readonly body: string;
    readonly truncated: boolean;
  } | null;
  /** Null once it has ended. */
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
  readonly lastAttemptAt: Date | null;
}

export interface AttemptView {
  readonly n: number;
  readonly trigger: AttemptTrigger;
  readonly outcome: AttemptOutcome;
  readonly statusCode: number | null;
  readonly durationMs: number | null;
  readonly error: string | null;
  readonly requestHeaders: Readonly<Record<string, string>> | null;
  readonly responseBody: string | null;
  readonly responseTruncated: boolean;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

export interface DeliveryDetails extends DeliveryView {
  readonly attemptLog: readonly AttemptView[];
}

export interface TestResult {
  readonly deliveryId: string;
  readonly status: ShownDeliveryStatus;
  readonly statusCode: number | null;
  /** Milliseconds. */
  readonly latency: number;
  readonly timestamp: Date;
}

export interface RetryResult {
  readonly id: string;
  readonly status: ShownDeliveryStatus;
  readonly statusCode: number | null;
  readonly attempts: number;
  readonly retriedAt: Date;
}

export function shownStatus(status: DeliveryStatus): ShownDeliveryStatus {
  if (status === 'blocked' || status === 'leased') return 'pending';
  return status === 'exhausted' ? 'failed' : status;
}
