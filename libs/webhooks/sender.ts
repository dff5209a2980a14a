import { Inject, Injectable } from '@nestjs/common';
import type { Span } from '@opentelemetry/api';
import { EventFormat } from '@hub/events/outbox.js';
import type { AttemptOutcome, EndpointConfig } from '@hub/model/webhook.entity.js';
import { CONFIG, type Config } from '@hub/platform/config.js';
import { encodeId } from '@hub/platform/ids.js';
import { LOGGER, type Logger } from '@hub/platform/logger.js';
import { safeFetch, type SafeResult } from '@hub/platform/safe-fetch.js';
import { SecretBox } from '@hub/platform/secret-box.js';
import { traceparentOf } from '@hub/platform/tracing.js';
import { AttemptReport } from './attempt-report.js';
import type { Claim } from './claims.js';
import { withDefaults } from './endpoint-input.js';
import { judge, type Verdict } from './retry-policy.js';
import { liveSecrets, sign, signatureKinds, signLinktor, type Message, type SigningKeys } from './signing.js';

/** How an attempt ended. */
export interface AttemptResult {
  readonly claim: Pick<
    Claim,
    | 'organizationId'
    | 'endpointId'
    | 'orderKey'
    | 'id'
    | 'attemptId'
    | 'leaseToken'
    | 'trigger'
    | 'resumeStatus'
    | 'attempts'
    | 'isTest'
  >;
  readonly outcome: Exclude<AttemptOutcome, 'open' | 'superseded'>;
  readonly verdict: Verdict;
  readonly statusCode: number | null;
  readonly durationMs: number | null;
  readonly requestHeaders: Readonly<Record<string, string>> | null;
  readonly responseBody: string | null;
  readonly responseTruncated: boolean;
  readonly error: string | null;
}

const MASK = '********';
/** Base64 or hex, at the start or behind `v1,`, `v1a,` or `sha256=`. */
const SIGNATURE = /(?<=^|,|^sha256=)[A-Za-z0-9+/]{43,}={0,2}/g;
const USER_AGENT = 'Switchboard-Webhooks/1.0';

/** Sends one claimed delivery. Makes no decision that lasts: the result does nothing until it is settled. */
@Injectable()
export class Sender {
  constructor(
    private readonly format: EventFormat,
    private readonly box: SecretBox,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly report: AttemptReport,
  ) {}

  /** Never rejects. */
  async send(claim: Claim): Promise<AttemptResult> {
    const started = performance.now();
    const span = this.report.begin(claim);
    const { result, shown, bytes } = await this.call(claim, span);
    const elapsed = performance.now() - started;
    const verdict = judge(result, claim, claim.config, new Date(claim.claimedAtMs + elapsed));
    const response = result.outcome === 'response' ? result : null;
    const outcome = result.outcome === 'response' ? outcomeOf(result.status) : result.outcome;
    this.report.end(claim, span, { outcome, verdict, result, bytes, elapsed });
    return {
      claim,
      outcome,
      verdict,
      statusCode: response?.status ?? null,
      durationMs: result.durationMs,
      requestHeaders: shown,
      responseBody: response ? storable(response.body.toString('utf8')) : null,
      responseTruncated: response?.truncated ?? false,
      error: errorOf(result),
    };
  }

  private async call(
    claim: Claim,
    span: Span | null,
  ): Promise<{ result: SafeResult; shown: Record<string, string> | null; bytes: number }> {
    try {
      const { headers, shown, body } = this.compose(claim, new Date(claim.claimedAtMs), span);
      const result = await safeFetch({
        url: claim.url,
        headers,
        body,
        timeoutMs: withDefaults(claim.config).timeout * 1_000,
        allowedNetworks: this.config.WEBHOOK_ALLOWED_NETWORKS,
      });
      return { result, shown, bytes: Buffer.byteLength(body) };
    } catch (error) {
      this.logger.error({ delivery: claim.id, error: String(error) }, 'delivery.not_sent');
      const reason = 'The request could not be made: its secrets or headers cannot be read';
      return { result: { outcome: 'connect', error: reason, durationMs: 0 }, shown: null, bytes: 0 };
    }
  }

  private compose(
    claim: Claim,
    now: Date,
    span: Span | null,
  ): { headers: Record<string, string>; shown: Record<string, string>; body: string } {
    const body = this.bodyOf(claim);
    const id = encodeId('evt', claim.eventId);
    const timestamp = Math.floor(now.getTime() / 1_000);
    const message: SentMessage = { id, timestamp, body, type: claim.eventType, deliveryId: encodeId('del', claim.id) };
    const signatures = signatureHeaders(claim.config, this.keysOf(claim, now), message);
    const own = {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      ...(span && { traceparent: traceparentOf(span) }),
    };
    const custom = Object.entries(claim.headers);
    const opened = Object.fromEntries(custom.map(([name, sealed]) => [name, this.box.open(sealed)]));
    const masked = Object.fromEntries(custom.map(([name]) => [name, MASK]));
    return {
      headers: { ...opened, ...own, ...signatures },
      shown: { ...masked, ...own, ...withoutSignatures(signatures) },
      body,
    };
  }

  /** The same bytes at every attempt, whatever the endpoint's settings have become meanwhile. */
  private bodyOf({ thin, body, endpointId }: Claim): string {
    return addressTo(thin ? this.format.thin(body) : body, endpointId);
  }

  private keysOf({ config, secrets, keyPair }: Claim, at: Date): SigningKeys {
    const asymmetric = keyPair && signatureKinds(config).includes('v1a');
    return {
      secrets: liveSecrets(secrets, at).map(({ sealed }) => this.box.open(sealed)),
      privateKey: asymmetric ? this.box.open(keyPair.privateKey) : null,
    };
  }
}

interface SentMessage extends Message {
  readonly type: string;
  readonly deliveryId: string;
}

/** The signature of Standard Webhooks, and the Linktor headers where they are asked for. */
function signatureHeaders(config: EndpointConfig, keys: SigningKeys, message: SentMessage): Record<string, string> {
  const standard = { 'webhook-signature': sign(keys, message) };
  const kind = signatureKinds(config).find((one) => one === 'linktor-docs' || one === 'linktor-sdk');
  const [newest] = keys.secrets;
  if (!kind || newest === undefined) return standard;
  return {
    ...standard,
    'x-linktor-signature': signLinktor(kind, newest, message),
    'x-linktor-timestamp': String(message.timestamp),
    'x-linktor-event': message.type,
    'x-linktor-delivery-id': message.deliveryId,
  };
}

/** With a mask in place of each signature, its version still to be seen. */
const withoutSignatures = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace(SIGNATURE, MASK)]));

/** The event's body with the endpoint's id as the last member of its `meta`: the same bytes at every attempt. */
export const addressTo = (body: string, endpointId: string): string =>
  `${body.slice(0, -2)},"webhookId":"${encodeId('wh', endpointId)}"}}`;

function outcomeOf(status: number): 'success' | 'redirect' | 'http' {
  if (status >= 200 && status < 300) return 'success';
  return status >= 300 && status < 400 ? 'redirect' : 'http';
}

function errorOf(result: SafeResult): string | null {
  if (result.outcome !== 'response') return storable(result.error.slice(0, 1_000));
  if (result.status >= 200 && result.status < 300) return null;
  return `HTTP ${result.status}`;
}

/** PostgreSQL keeps neither NUL characters nor halves of surrogate pairs. */
const storable = (text: string): string => Buffer.from(text).toString().replaceAll('\u0000', '\ufffd');
