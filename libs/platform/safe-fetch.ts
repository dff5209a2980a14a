import { subscribe } from 'node:diagnostics_channel';
import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { Agent, buildConnector, request, type Dispatcher } from 'undici';
import { isInside, isReachable, parseNetworks, type Networks } from './addresses.js';
import { ValidationError } from './errors.js';

export interface SafeRequest {
  readonly url: string;
  /** `POST` unless set. */
  readonly method?: Dispatcher.HttpMethod;
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
const CHECK_TIMEOUT_MS = 2_000;

/**
 * The one way out of the product to an address that somebody else has chosen. Every address that a name resolves to is
 * checked, and only a checked address is connected, so that a name that changes its answer wins nothing. Redirects are
 * not followed. Trouble on the network is a result, never an exception.
 */
export async function safeFetch(call: SafeRequest): Promise<SafeResult> {
  const started = performance.now();
  const durationMs = (): number => Math.round(performance.now() - started);
  const networks = parseNetworks(call.allowedNetworks);
  const deadline = AbortSignal.timeout(call.timeoutMs);
  try {
    const target = parseTarget(call.url);
    if (target.literal !== null) assertPermitted([{ address: target.literal, family: 0 }], target, networks);
    const response = await exchange(call, target, agentFor(call.allowedNetworks), deadline);
    return { outcome: 'response', ...response, durationMs: durationMs() };
  } catch (error) {
    if (deadline.aborted) {
      return {
        outcome: 'timeout',
        error: `No complete answer within ${call.timeoutMs} ms`,
        durationMs: durationMs(),
      };
    }
    const { outcome, message } = classify(error);
    return { outcome, error: message, durationMs: durationMs() };
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
        setTimeout(() => reject(new EgressError('dns', `${hostname} does not resolve`)), CHECK_TIMEOUT_MS).unref(),
      );
      assertPermitted(await Promise.race([resolveName(hostname), late]), target, networks);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ValidationError([{ field: 'url', message }], 'The URL cannot be called', 'INVALID_URL');
  }
}

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
  url.hostname = url.hostname.replace(/\.$/, '');
  if (url.hostname === '') throw new EgressError('blocked_address', 'url has no host');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (port !== 443 && port !== 80 && port < 1024) {
    throw new EgressError('blocked_address', 'url must use port 443 or a port from 1024 up');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
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

type Exchange = Pick<SafeResponse, 'status' | 'headers' | 'body' | 'truncated' | 'remoteAddress'>;

async function exchange(call: SafeRequest, target: Target, agent: Agent, signal: AbortSignal): Promise<Exchange> {
  const ticket: Ticket = { remoteAddress: null };
  dispatching = ticket;
  const answer = request(target.url, {
    dispatcher: agent,
    method: call.method ?? 'POST',
    headers: { ...call.headers },
    body: call.body ?? null,
    signal,
  });
  dispatching = null;
  const { statusCode, headers, body } = await answer;
  const limit = call.maxResponseBytes ?? MAX_RESPONSE_BYTES;
  const chunks: Buffer[] = [];
  let size = 0;
  let truncated = false;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, limit - size));
    size += chunk.length;
    truncated = size > limit;
    if (truncated) break; // leaving the loop destroys the socket
  }
  const flat = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return {
    status: statusCode,
    headers: Object.fromEntries(flat) as Record<string, string>,
    body: Buffer.concat(chunks),
    truncated,
    remoteAddress: ticket.remoteAddress,
  };
}

/* undici tells only through its diagnostics which pooled socket a request went out on. A request object is made
   synchronously inside `request()`, which is how it is matched to its call. */
interface Ticket {
  remoteAddress: string | null;
}
let dispatching: Ticket | null = null;
const tickets = new WeakMap<object, Ticket>();
subscribe('undici:request:create', (message) => {
  if (dispatching) tickets.set((message as { request: object }).request, dispatching);
});
subscribe('undici:client:sendHeaders', (message) => {
  const { request: sent, socket } = message as { request: object; socket: Socket };
  const ticket = tickets.get(sent);
  if (ticket) ticket.remoteAddress = socket.remoteAddress ?? null;
});

const agents = new Map<string, Agent>();

/** One agent per process and list of allowed networks: a kept connection was checked against that same list. */
function agentFor(allowedNetworks: readonly string[]): Agent {
  const key = allowedNetworks.join();
  const known = agents.get(key);
  if (known) return known;
  const networks = parseNetworks(allowedNetworks);
  const open = connectorFor(networks, false);
  const confined = connectorFor(networks, true);
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) =>
      (options.protocol === 'http:' || options.port === '80' ? confined : open)(options, callback),
  });
  agents.set(key, agent);
  return agent;
}

/** Connects to checked addresses only. Literal hosts never reach `lookup`: they are checked before the call. */
function connectorFor(networks: Networks, confined: boolean): buildConnector.connector {
  const lookup: LookupFunction = (hostname, options, callback) => {
    void resolveName(hostname)
      .then((found) => assertPermitted(found, { confined }, networks))
      .then(
        (permitted) => {
          const [first] = permitted;
          if (options.all) callback(null, permitted);
          else callback(null, first?.address ?? '', first?.family ?? 0);
        },
        (error: Error) => callback(error, []),
      );
  };
  const options = { timeout: 30_000, lookup, autoSelectFamily: true } as buildConnector.BuildOptions;
  const connect = buildConnector(options);
  return (target, callback) =>
    connect(target, (...[error, socket]) => {
      if (error) callback(connectError(error), null);
      else callback(null, socket);
    });
}

const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA)/;

function connectError(error: Error): Error {
  if (error instanceof EgressError) return error;
  const code = codeOf(error);
  return new EgressError(TLS_CODE.test(code) ? 'tls' : 'connect', describe(error));
}

function classify(error: unknown): { outcome: SafeFailure['outcome']; message: string } {
  if (error instanceof EgressError) return { outcome: error.outcome, message: error.message };
  return { outcome: TLS_CODE.test(codeOf(error)) ? 'tls' : 'reset', message: describe(error) };
}

const codeOf = (error: unknown): string => (error as { code?: string } | null)?.code ?? '';

function describe(error: unknown): string {
  const { errors } = (error ?? {}) as { errors?: unknown[] };
  if (Array.isArray(errors) && errors.length > 0) return errors.map(describe).join('; ');
  return error instanceof Error && error.message !== '' ? error.message : codeOf(error) || 'unknown error';
}

const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
const isLocalName = (name: string): boolean => name === 'localhost' || name.endsWith('.localhost');

const resolver = new Resolver({ timeout: 2_000, tries: 2 });
const HOSTS_TTL_MS = 5_000;
let hosts: { readonly until: number; readonly names: Map<string, LookupAddress[]> } = {
  until: 0,
  names: new Map(),
};

/**
 * The addresses of a name, IPv4 first: `localhost` by definition, then the hosts file, then DNS by c-ares. Not
 * `dns.lookup`: it occupies one of libuv's four threads for as long as a stranger's name server likes.
 */
async function resolveName(name: string): Promise<LookupAddress[]> {
  if (isLocalName(name)) return [...LOOPBACK];
  const listed = (await hostsFile()).get(name.toLowerCase());
  if (listed) return listed;
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = [
    ...(v4.status === 'fulfilled' ? v4.value.map((address) => ({ address, family: 4 })) : []),
    ...(v6.status === 'fulfilled' ? v6.value.map((address) => ({ address, family: 6 })) : []),
  ];
  if (found.length > 0) return found;
  const reason = v4.status === 'rejected' ? codeOf(v4.reason) : 'no address';
  throw new EgressError('dns', `${name} does not resolve (${reason})`);
}

async function hostsFile(): Promise<Map<string, LookupAddress[]>> {
  if (hosts.until > Date.now()) return hosts.names;
  const names = new Map<string, LookupAddress[]>();
  const text = await readFile('/etc/hosts', 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const [address, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address ?? '');
    if (address === undefined || family === 0) continue;
    for (const alias of aliases.map((name) => name.toLowerCase())) {
      names.set(alias, [...(names.get(alias) ?? []), { address, family }]);
    }
  }
  hosts = { until: Date.now() + HOSTS_TTL_MS, names };
  return names;
}
