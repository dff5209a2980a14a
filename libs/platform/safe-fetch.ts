import type { LookupAddress } from 'node:dns';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isInside, isReachable, parseNetworks, type Networks } from './addresses.js';
import { ValidationError } from './errors.js';
import { isLocalName, LOOPBACK, NameError, resolveName } from './resolve-name.js';

export interface SafeRequest {
  readonly url: string;
  /** `POST` unless set. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** One deadline over name resolution, connection, TLS, headers and body. */
  readonly timeoutMs: number;
  /** Reading stops here and the connection is dropped; 16 KiB unless set. */
  readonly maxResponseBytes?: number;
  /** CIDRs that may be reached although they are private. */
  readonly allowedNetworks: readonly string[];
}

export interface SafeResponse {
  readonly outcome: 'response';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly truncated: boolean;
  readonly durationMs: number;
  readonly remoteAddress: string | null;
}

export interface SafeFailure {
  readonly outcome: 'timeout' | 'dns' | 'connect' | 'tls' | 'reset' | 'blocked_address';
  readonly error: string;
  readonly durationMs: number;
}

export type SafeResult = SafeResponse | SafeFailure;

class EgressError extends Error {
  constructor(
    readonly outcome: SafeFailure['outcome'],
    message: string,
  ) {
    super(message);
  }
}

interface Target {
  readonly url: URL;
  /** The address, when the URL holds one. */
  readonly literal: string | null;
  /** Plain http or port 80: only into the allowed networks. */
  readonly confined: boolean;
}

const MAX_RESPONSE_BYTES = 16_384;
const MAX_HEADER_BYTES = 16_384;
/** What is behind these is ignored. A header costs far more memory here than the three bytes it may have there. */
const MAX_HEADERS = 128;
/** 1xx answers before the answer. */
const MAX_INTERIM = 16;
/** Addresses of one name that one call tries at the most: it is no port scanner. */
const MAX_ADDRESSES = 8;
/** Kept connections are closed before the usual server closes them, which is after 5 s. */
const IDLE_MS = 4_000;
const CHECK_TIMEOUT_MS = 2_000;

/**
 * The one way out of the product to an address that somebody else has chosen. Every address that a name resolves to is
 * checked, and only a checked address is connected, so that a name that changes its answer wins nothing. Redirects are
 * not followed. Trouble on the network is a result, never an exception.
 */
export async function safeFetch(call: SafeRequest): Promise<SafeResult> {
  const started = performance.now();
  const durationMs = (): number => Math.round(performance.now() - started);
  let sent: Sent | null = null;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new EgressError('timeout', `No complete answer within ${call.timeoutMs} ms`));
      sent?.request.destroy();
    }, call.timeoutMs);
  });
  try {
    sent = send(call);
    const answer = await Promise.race([read(sent.response, call.maxResponseBytes ?? MAX_RESPONSE_BYTES), deadline]);
    return { outcome: 'response', ...answer, durationMs: durationMs() };
  } catch (error) {
    const { outcome, message } = classify(error, sent?.phase ?? 'connect');
    return { outcome, error: message, durationMs: durationMs() };
  } finally {
    clearTimeout(timer);
    if (sent && !sent.request.writableFinished) sent.request.destroy(); // answered before it was all said
  }
}

/**
 * Whether an outbound call to `url` could ever be made: https on port 443 or from 1024 up; http, and port 80, only
 * into `allowedNetworks` (the one case in which a name is resolved here). The call itself is checked again.
 * @throws ValidationError INVALID_URL naming `url`
 */
export async function checkUrl(url: string, allowedNetworks: readonly string[]): Promise<void> {
  const networks = parseNetworks(allowedNetworks);
  try {
    const target = parseTarget(url);
    const { hostname } = target.url;
    if (target.literal !== null) assertPermitted([{ address: target.literal, family: 0 }], target, networks);
    else if (isLocalName(hostname)) assertPermitted(LOOPBACK, target, networks);
    else if (target.confined) {
      if (networks.length === 0) throw new EgressError('blocked_address', 'url must be https');
      const late = new Promise<never>((_, reject) =>
        setTimeout(() => reject(new NameError(`${hostname} does not resolve`)), CHECK_TIMEOUT_MS).unref(),
      );
      assertPermitted(await Promise.race([resolveName(hostname), late]), target, networks);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ValidationError([{ field: 'url', message }], 'The URL cannot be called', 'INVALID_URL');
  }
}

/** Labels of 1 to 63 characters, 253 in all. */
const HOST_NAME = /^(?=.{1,253}$)[^.]{1,63}(\.[^.]{1,63})*$/;
/** From 1024 up, what the Fetch standard calls bad ports: mail, file sharing, telephony and chat listen there. */
const OTHER_PROTOCOLS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** @throws EgressError when no call may go there whatever the address is */
function parseTarget(raw: string): Target {
  if (!URL.canParse(raw)) throw new EgressError('blocked_address', 'url is not an absolute URL');
  const url = new URL(raw);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new EgressError('blocked_address', 'url must be https');
  }
  if (url.username !== '' || url.password !== '') {
    throw new EgressError('blocked_address', 'url must not carry a user name or password');
  }
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!isIP(host) && !HOST_NAME.test(host)) throw new EgressError('blocked_address', 'url has no host that can be');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (port !== 443 && port !== 80 && (port < 1024 || OTHER_PROTOCOLS.has(port))) {
    throw new EgressError('blocked_address', 'url must use port 443 or one from 1024 up that web pages may use');
  }
  return { url, literal: isIP(host) ? host : null, confined: url.protocol === 'http:' || port === 80 };
}

/** @returns the addresses that may be connected, at least one */
function assertPermitted(
  found: readonly LookupAddress[],
  target: Pick<Target, 'confined'>,
  networks: Networks,
): LookupAddress[] {
  const permitted = found.filter(({ address }) =>
    target.confined ? isInside(address, networks) : isReachable(address, networks),
  );
  if (permitted.length > 0) return permitted;
  throw new EgressError(
    'blocked_address',
    target.confined
      ? 'plain http and port 80 are open to the allowed networks only'
      : 'the address is private, reserved or not on the internet',
  );
}

interface Sent {
  readonly request: ClientRequest;
  readonly response: Promise<IncomingMessage>;
  /** What an error means as long as nothing more has happened. */
  readonly phase: 'connect' | 'tls' | 'reset';
}

/** @throws EgressError for a URL that must not be called; what http says of a header that none can be */
function send(call: SafeRequest): Sent {
  const target = parseTarget(call.url);
  const networks = parseNetworks(call.allowedNetworks);
  if (target.literal !== null) assertPermitted([{ address: target.literal, family: 0 }], target, networks);
  const { url, literal } = target;
  const secure = url.protocol === 'https:';
  const request = (secure ? https : http).request({
    host: literal ?? url.hostname,
    port: url.port || (secure ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    agent: agentFor(target, call.allowedNetworks, networks),
    method: call.method ?? 'POST',
    headers: { host: url.host, ...call.headers },
    maxHeaderSize: MAX_HEADER_BYTES,
    ...(secure && { servername: literal === null ? url.hostname : '' }),
  });
  const sent = { request, phase: 'connect' as Sent['phase'], response: responseTo(request) };
  request.once('socket', (socket) => {
    if (request.reusedSocket) sent.phase = 'reset';
    else socket.once('connect', () => (sent.phase = secure ? 'tls' : 'reset'));
    if (secure) socket.once('secureConnect', () => (sent.phase = 'reset'));
  });
  request.end(call.body);
  return sent;
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  request.maxHeadersCount = MAX_HEADERS;
  let interim = 0;
  request.on('information', () => {
    interim += 1;
    if (interim > MAX_INTERIM) request.destroy(new EgressError('reset', 'Nothing but interim answers'));
  });
  return new Promise((resolve, reject) => {
    request.once('response', resolve).on('error', reject);
    request.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(new EgressError('reset', 'Another protocol than was asked for'));
    });
  });
}

type Answer = Pick<SafeResponse, 'status' | 'headers' | 'body' | 'truncated' | 'remoteAddress'>;

async function read(coming: Promise<IncomingMessage>, limit: number): Promise<Answer> {
  const response = await coming;
  const remoteAddress = response.socket.remoteAddress ?? null;
  const { body, truncated } = await bodyOf(response, limit);
  const flat = Object.entries(response.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]);
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(flat) as Record<string, string>,
    body,
    truncated,
    remoteAddress,
  };
}

/** At most `limit` bytes; with one more the rest is left unread and the socket destroyed. */
function bodyOf(response: IncomingMessage, limit: number): Promise<Pick<Answer, 'body' | 'truncated'>> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const finish = (): void => resolve({ body: Buffer.concat(chunks), truncated: size > limit });
    response.on('data', (chunk: Buffer) => {
      if (size > limit) return;
      chunks.push(chunk.subarray(0, limit - size));
      size += chunk.length;
      if (chunks.length === 64) chunks.splice(0, 64, Buffer.concat(chunks)); // a drip is not kept drop by drop
      if (size <= limit) return;
      finish();
      response.destroy();
    });
    response.once('end', finish).once('error', reject);
  });
}

const agents = new Map<string, http.Agent>();

/**
 * One agent per rule and list of networks: a kept connection is used again only for the same scheme, host and port,
 * and it was checked by that same rule against that same list.
 */
function agentFor({ url, confined }: Target, allowedNetworks: readonly string[], networks: Networks): http.Agent {
  const key = `${url.protocol} ${String(confined)} ${allowedNetworks.join()}`;
  const known = agents.get(key);
  if (known) return known;
  const options = {
    keepAlive: true,
    timeout: IDLE_MS, // of a kept connection; one in use is not closed by it
    lookup: checkedLookup(networks, confined),
    autoSelectFamily: true,
  };
  const agent =
    url.protocol === 'https:' ? new https.Agent({ ...options, minVersion: 'TLSv1.2' }) : new http.Agent(options);
  agents.set(key, agent);
  return agent;
}

/** Gives checked addresses only. Hosts that are addresses never come here: they are checked before the call. */
const checkedLookup =
  (networks: Networks, confined: boolean): LookupFunction =>
  (hostname, { all }, callback) => {
    void resolveName(hostname)
      .then((found) => assertPermitted(found, { confined }, networks).slice(0, MAX_ADDRESSES))
      .then(
        (permitted) => {
          const [first] = permitted;
          if (all) callback(null, permitted);
          else callback(null, first?.address ?? '', first?.family ?? 0);
        },
        (error: Error) => callback(error, []),
      );
  };

const TLS_CODE = /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO)/;

function classify(error: unknown, phase: Sent['phase']): { outcome: SafeFailure['outcome']; message: string } {
  if (error instanceof EgressError) return { outcome: error.outcome, message: error.message };
  if (error instanceof NameError) return { outcome: 'dns', message: error.message };
  return { outcome: TLS_CODE.test(codeOf(error)) ? 'tls' : phase, message: describe(error) };
}

const codeOf = (error: unknown): string => (error as { code?: string } | null)?.code ?? '';

function describe(error: unknown): string {
  const { errors, message } = (error ?? {}) as { errors?: unknown[]; message?: string };
  if (Array.isArray(errors) && errors.length > 0) return errors.map(describe).join('; ');
  return message || codeOf(error) || 'unknown error';
}
