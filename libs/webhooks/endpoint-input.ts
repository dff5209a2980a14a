import { isEventPattern } from '@hub/events/catalog.js';
import type { EndpointConfig, SignatureKind } from '@hub/model/webhook.entity.js';
import { ValidationError, type FieldProblem } from '@hub/platform/errors.js';
import { DEFAULT_CONCURRENCY } from './claims.js';
import { signatureKinds } from './signing.js';

const MAX_PATTERNS = 100;
const MAX_HEADERS = 20;
const MAX_HEADER_BYTES = 4_096;
const MAX_STEPS = 20;
const MAX_RETRIES = 20;
const MAX_SCHEDULE_SECONDS = 7 * 86_400;
const MAX_FILTER_IDS = 100;

/** Headers that the product, the connection, a cache or a proxy on the way speaks with. */
const RESERVED = new Set([
  'accept-encoding',
  'age',
  'cache-control',
  'clear-site-data',
  'connection',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
  'cookie',
  'expect',
  'expires',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'pragma',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
  'warning',
]);
const RESERVED_PREFIX =
  /^(webhook-|x-linktor-|svix-|x-svix-|proxy-|sec-|x-forwarded-|x-amz|x-goog|x-gfe|x-azure-|x-fd-)/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** What HTTP lets a value hold: no line breaks and no other control characters. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const DEFAULTS = {
  retryPolicy: 'standard',
  timeout: 15,
  ordering: 'conversation',
  signature: 'standard',
  payload: 'full',
  concurrency: DEFAULT_CONCURRENCY,
} as const;
const RETRY_POLICIES = ['standard', 'exponential', 'linktor', 'custom'];
const ORDERINGS = ['conversation', 'none', 'strict'];
const SIGNATURES = ['standard', 'v1a', 'linktor-docs', 'linktor-sdk'];
const PAYLOADS = ['full', 'thin'];

/** The configuration with its defaults filled in. */
export const withDefaults = (
  config: EndpointConfig,
): EndpointConfig & Required<Pick<EndpointConfig, keyof typeof DEFAULTS>> => ({
  ...DEFAULTS,
  ...onlyGiven(config),
});

/** Without the keys whose value is undefined: they ask for the default. */
export const onlyGiven = (config: EndpointConfig): EndpointConfig =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));

/** @throws ValidationError INVALID_EVENTS naming `events` */
export function checkEvents(events: readonly string[]): string[] {
  const unknown = events.filter((pattern) => !isEventPattern(pattern));
  if (events.length > 0 && events.length <= MAX_PATTERNS && unknown.length === 0) return [...new Set(events)];
  const message =
    unknown.length > 0
      ? `not an event, a group such as conversation.* or *: ${unknown.slice(0, 5).join(', ')}`
      : `events must name 1 to ${MAX_PATTERNS} events`;
  throw new ValidationError([{ field: 'events', message }], 'The events are not valid', 'INVALID_EVENTS');
}

/** @throws ValidationError naming `headers` or `headers.<name>` */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const entries = Object.entries(headers);
  const problems: FieldProblem[] = [];
  const complain = (name: string, message: string): number => problems.push({ field: `headers.${name}`, message });
  if (entries.length > MAX_HEADERS) problems.push({ field: 'headers', message: `at most ${MAX_HEADERS} headers` });
  const seen = new Set<string>();
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    if (!HEADER_NAME.test(name)) complain(name, 'not a header name');
    else if (RESERVED.has(lower) || RESERVED_PREFIX.test(lower)) complain(name, `${name} cannot be set`);
    else if (seen.has(lower)) complain(name, `${name} is given twice`);
    else if (typeof value !== 'string' || !HEADER_VALUE.test(value))
      complain(name, 'must not hold control characters or line breaks');
    else if (Buffer.byteLength(value) > MAX_HEADER_BYTES) complain(name, `at most ${MAX_HEADER_BYTES} bytes`);
    seen.add(lower);
  }
  if (problems.length > 0) throw new ValidationError(problems);
}

/** @throws ValidationError naming `config.<key>` */
export function checkConfig(config: EndpointConfig): void {
  const problems: FieldProblem[] = [];
  const demand = (key: keyof EndpointConfig, fits: boolean, message: string): void => {
    if (!fits) problems.push({ field: `config.${key}`, message });
  };
  const problem = signatureProblem(config);
  demand('signature', problem === null, problem ?? '');
  const { retryPolicy, steps, maxRetries, timeout, ordering, payload, concurrency, rateLimit } = withDefaults(config);
  demand('retryPolicy', RETRY_POLICIES.includes(retryPolicy), `one of ${RETRY_POLICIES.join(', ')}`);
  demand('ordering', ORDERINGS.includes(ordering), `one of ${ORDERINGS.join(', ')}`);
  demand('payload', PAYLOADS.includes(payload), `one of ${PAYLOADS.join(', ')}`);
  demand('timeout', isWhole(timeout, 1, 30), 'whole seconds from 1 to 30');
  demand('concurrency', isWhole(concurrency, 1, 100), 'a whole number from 1 to 100');
  const isRate = rateLimit === undefined || (typeof rateLimit === 'number' && rateLimit >= 0.1 && rateLimit <= 10_000);
  demand('rateLimit', isRate, 'requests per second, from 0.1 to 10,000');
  for (const key of ['channelIds', 'teamIds'] as const) {
    const ids = config[key];
    const fits = ids === undefined || (Array.isArray(ids) && ids.length > 0 && ids.length <= MAX_FILTER_IDS);
    demand(key, fits, `1 to ${MAX_FILTER_IDS} ids; null for all`);
  }
  demand(
    'maxRetries',
    maxRetries === undefined || isWhole(maxRetries, 0, MAX_RETRIES),
    `a whole number from 0 to ${MAX_RETRIES}`,
  );
  if (retryPolicy === 'custom') {
    const fits =
      Array.isArray(steps) &&
      steps.length > 0 &&
      steps.length <= MAX_STEPS &&
      steps.every((step) => typeof step === 'number' && Number.isFinite(step) && step >= 0) &&
      steps.reduce((sum, step) => sum + step, 0) <= MAX_SCHEDULE_SECONDS;
    demand('steps', fits, `1 to ${MAX_STEPS} waits in seconds, seven days in all at the most`);
  } else demand('steps', steps === undefined, 'only with retryPolicy custom');
  if (problems.length > 0) throw new ValidationError(problems);
}

const isWhole = (value: unknown, min: number, max: number): boolean =>
  Number.isInteger(value) && Number(value) >= min && Number(value) <= max;

function signatureProblem(config: EndpointConfig): string | null {
  const kinds: readonly SignatureKind[] = signatureKinds(config);
  const fits = Array.isArray(kinds) && kinds.length > 0 && kinds.every((kind) => SIGNATURES.includes(kind));
  if (!fits || new Set(kinds).size < kinds.length) return `one of ${SIGNATURES.join(', ')}, or a list of them`;
  const both = kinds.includes('linktor-docs') && kinds.includes('linktor-sdk');
  return both ? 'linktor-docs and linktor-sdk use the same header: one of them' : null;
}
