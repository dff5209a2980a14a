import { createPublicKey, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { complaintsOf } from './event-schemas.js';
import { eventually } from './harness.js';

export interface Received {
  /** The `webhook-id` header. */
  readonly id: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  /** The exact bytes. */
  readonly raw: Buffer;
  readonly body: {
    readonly type: string;
    readonly meta: { readonly sequence: number } & Record<string, never>;
  } & Record<string, never>;
  /** Milliseconds of this machine's monotonic clock. */
  readonly at: number;
}

/** What the subscriber does with a request: answers, after a while if told so, or misbehaves. */
export type Behaviour =
  | number
  | {
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
      readonly delayMs?: number;
    }
  | 'hang'
  | 'reset'
  | 'endless';

type Script = (request: Received, nth: number) => Behaviour;

/**
 * A web server of a customer: it records every request, whole and before it answers, and answers by its script. It holds
 * every event against the schema in the catalogue: one that the catalogue does not describe fails the test.
 */
export class Subscriber {
  readonly received: Received[] = [];
  /** What was not as the catalogue has it. */
  readonly complaints: string[] = [];
  /** Requests at once, at the most so far. */
  peak = 0;
  private script: Script = () => 200;
  private readonly times = new Map<string, number>();
  private open = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Subscriber> {
    const server = createServer({ keepAliveTimeout: 30_000 });
    const subscriber = new Subscriber(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => subscriber.serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return subscriber;
  }

  url(path = '/'): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** @param script one behaviour for all, or what to do with the nth request (from 1) of the same `webhook-id` */
  behave(script: Behaviour | Script): void {
    this.script = typeof script === 'function' ? script : () => script;
  }

  on(path: string): Received[] {
    return this.received.filter((request) => request.path === path);
  }

  /** Waits for `count` requests, on `path` if given. */
  async expect(count: number, path?: string, timeoutMs?: number): Promise<Received[]> {
    const all = (): Received[] => (path === undefined ? this.received : this.on(path));
    await eventually(() => all().length >= count, `${count} requests`, timeoutMs);
    this.hold();
    return all();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    this.hold();
  }

  /** @throws Error when something was sent that the catalogue does not describe */
  private hold(): void {
    if (this.complaints.length > 0) throw new Error(this.complaints.slice(0, 5).join('\n'));
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    this.peak = Math.max(this.peak, (this.open += 1));
    response.on('close', () => (this.open -= 1));
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const headers = request.headers as Record<string, string>;
      const id = headers['webhook-id'] ?? '';
      const body = JSON.parse(raw.toString()) as Received['body'];
      const received: Received = { id, path: request.url ?? '/', headers, raw, body, at: performance.now() };
      this.received.push(received);
      if (id !== '') this.complaints.push(...complaintsOf(body));
      const key = `${received.path} ${id}`;
      const nth = (this.times.get(key) ?? 0) + 1;
      this.times.set(key, nth);
      this.answer(this.script(received, nth), response);
    });
  }

  private answer(behaviour: Behaviour, response: ServerResponse): void {
    if (behaviour === 'hang') return;
    if (behaviour === 'reset') {
      response.socket?.resetAndDestroy();
      return;
    }
    if (behaviour === 'endless') {
      const timer = setInterval(() => response.write('x'.repeat(1_000)), 1);
      response.on('close', () => clearInterval(timer));
      return;
    }
    const {
      status,
      headers,
      body,
      delayMs = 0,
    } = typeof behaviour === 'number' ? ({ status: behaviour } as Exclude<Behaviour, number | string>) : behaviour;
    setTimeout(() => response.writeHead(status, headers).end(body), delayMs);
  }
}

/** Whether the reference verifier of Standard Webhooks accepts it. */
export function isSigned(request: Received, secret: string): boolean {
  try {
    new Webhook(secret).verify(request.raw.toString(), request.headers);
    return true;
  } catch {
    return false;
  }
}

/** Whether its `v1a` signature is one of the owner of this `whpk_` key. */
export function isSignedBy({ id, headers, raw }: Received, publicKey: string): boolean {
  const [, signature] = /(?:^| )v1a,(\S+)/.exec(headers['webhook-signature'] ?? '') ?? [];
  if (signature === undefined) return false;
  const x = Buffer.from(publicKey.replace('whpk_', ''), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const content = Buffer.concat([Buffer.from(`${id}.${headers['webhook-timestamp']}.`), raw]);
  return verify(null, content, key, Buffer.from(signature, 'base64'));
}
