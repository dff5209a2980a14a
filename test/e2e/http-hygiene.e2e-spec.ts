import { jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { startApp, type RunningApp } from '../support/app.js';
import { eventually, startHub, testConfig, type Hub } from '../support/harness.js';
import { startProcess } from '../support/processes.js';

jest.setTimeout(90_000);

interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly json: { error?: { code: string }; meta?: { requestId: string } };
  readonly ms: number;
}

/** Bytes on a bare connection, what comes back until it ends, and how long that took. `drip` is sent every 500 ms. */
function exchange(url: string, bytes: string | Buffer, drip?: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const started = Date.now();
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), hostname);
    let text = '';
    const timer = drip ? setInterval(() => socket.writable && socket.write(drip), 500) : undefined;
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      const [head = '', body = ''] = text.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
      const json = body.startsWith('{') ? (JSON.parse(body) as RawAnswer['json']) : {};
      resolve({ status, head, json, ms: Date.now() - started });
    });
    socket.write(bytes);
  });
}

const request = (line: string, headers: string[] = [], body = ''): string =>
  [line, 'Host: x', 'Connection: close', ...headers, '', body].join('\r\n');

describe('HTTP hygiene', () => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub();
  });
  afterAll(() => hub.stop());

  describe('headers', () => {
    it('keep browsers from doing what nobody asked for, on every answer, and name no product', async () => {
      const auth = { authorization: `Bearer ${hub.admin.key}` };
      const answers = await Promise.all([
        fetch(`${hub.url}/v1/conversations`, { headers: auth }),
        fetch(`${hub.url}/v1/conversations`),
        fetch(`${hub.url}/nothing`),
        fetch(`${hub.url}/docs`),
        fetch(`${hub.url}/health/live`),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 200, 200]);
      for (const { headers } of answers) {
        expect(Object.fromEntries(headers)).toMatchObject({
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
          'referrer-policy': 'no-referrer',
          'content-security-policy': expect.stringMatching(/default-src 'self'.*frame-ancestors 'none'/) as string,
          'cross-origin-opener-policy': 'same-origin',
          'x-request-id': expect.stringMatching(/^[\w.:-]+$/) as string,
        });
        for (const name of ['server', 'x-powered-by', 'strict-transport-security', 'access-control-allow-origin'])
          expect([name, headers.get(name)]).toEqual([name, null]);
      }
    });

    it('let the page of the OpenAPI document work', async () => {
      const html = await (await fetch(`${hub.url}/docs`)).text();
      expect(html).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>\s*\S/); // nothing inline that the policy would stop
      expect(html).not.toMatch(/(?:src|href)=["']https?:/);
    });

    it('ask for https where the world is told to use it', async () => {
      const config = testConfig(hub.database, { PUBLIC_URL: 'https://hub.example.com' });
      const app = await startApp({ config });
      try {
        const { headers } = await fetch(`${app.url}/health/live`);
        expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{7,}$/); // this host's, not its subdomains'
      } finally {
        await app.stop();
      }
    });
  });

  describe('CORS', () => {
    let app: RunningApp;
    beforeAll(async () => {
      app = await startApp({
        config: testConfig(hub.database, { CORS_ORIGINS: 'https://app.example.com, https://b.example.com' }),
      });
    });
    afterAll(() => app.stop());
    const preflight = (url: string, origin: string): Promise<Response> =>
      fetch(`${url}/v1/conversations`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
      });

    it('lets in the pages of named origins', async () => {
      const asked = await preflight(app.url, 'https://app.example.com');
      expect(asked.status).toBe(204);
      expect(Object.fromEntries(asked.headers)).toMatchObject({
        'access-control-allow-origin': 'https://app.example.com',
        'access-control-allow-headers': 'authorization',
        'access-control-allow-methods': expect.stringContaining('PATCH') as string,
        vary: expect.stringMatching(/origin/i) as string,
      });
      const headers = { origin: 'https://b.example.com', authorization: `Bearer ${hub.admin.key}` };
      const read = await fetch(`${app.url}/v1/conversations`, { headers });
      expect(read.status).toBe(200);
      expect(read.headers.get('access-control-allow-origin')).toBe('https://b.example.com');
      expect(read.headers.get('access-control-expose-headers')).toContain('X-RateLimit-Remaining');
    });

    it('and no others; nobody at all by default', async () => {
      const asked = await Promise.all([
        preflight(app.url, 'https://app.example.com.evil.test'),
        preflight(app.url, 'null'),
        preflight(hub.url, 'https://app.example.com'),
      ]);
      for (const { headers } of asked) expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(asked[2]?.status).toBe(404);
    });
  });

  describe('odd requests', () => {
    it.each(['OPTIONS', 'TRACE', 'PROPFIND', 'PUT'])('%s where it means nothing is a 404', async (method) => {
      const answer = await exchange(hub.url, request(`${method} /v1/conversations HTTP/1.1`));
      expect([answer.status, answer.json.error?.code]).toEqual([404, 'RESOURCE_NOT_FOUND']);
      expect(answer.head.toLowerCase()).toContain(`x-request-id: ${answer.json.meta?.requestId}`);
    });

    it('HEAD is a GET without the body', async () => {
      const headers = { authorization: `Bearer ${hub.admin.key}` };
      const [head, get] = await Promise.all(
        ['HEAD', 'GET'].map((method) => fetch(`${hub.url}/v1/conversations`, { method, headers })),
      );
      expect([head?.status, await head?.text()]).toEqual([200, '']);
      expect(head?.headers.get('content-type')).toBe(get?.headers.get('content-type'));
      expect((await fetch(`${hub.url}/v1/conversations`, { method: 'HEAD' })).status).toBe(401);
    });

    it.each([
      ['a method that is none', 'BREW /v1/conversations HTTP/1.1\r\nHost: x\r\n\r\n', 400],
      ['no HTTP at all', '\u0016\u0003\u0001\u0000garbage\r\n\r\n', 400],
      ['two lengths', request('POST /v1/contacts HTTP/1.1', ['Content-Length: 5', 'Content-Length: 6'], '{}'), 400],
      [
        'a length and chunks',
        request('POST /v1/contacts HTTP/1.1', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
        400,
      ],
      ['a header folded into two', request('GET /v1/contacts HTTP/1.1', ['X-A: b\r\n c: d\u0000']), 400],
      ['a cookie of 20 KB', request('GET /v1/contacts HTTP/1.1', [`Cookie: a=${'x'.repeat(20_000)}`]), 431],
      [
        '2,000 headers',
        request(
          'GET /v1/contacts HTTP/1.1',
          Array.from({ length: 2_000 }, (_, i) => `X-H${i}: ${'y'.repeat(10)}`),
        ),
        431,
      ],
      ['an address of 30 KB', request(`GET /v1/contacts?search=${'z'.repeat(30_000)} HTTP/1.1`), 431],
      ['an address that cannot be decoded', request('GET /v1/contacts/%zz HTTP/1.1'), 404],
    ])('%s is refused in the envelope', async (_, bytes, status) => {
      const answer = await exchange(hub.url, bytes);
      expect(answer.status).toBe(status);
      expect(answer.json.error?.code).toBe(status === 404 ? 'RESOURCE_NOT_FOUND' : 'VALIDATION_ERROR');
      expect(answer.json.meta?.requestId).toMatch(/^[\w.:-]+$/);
      expect(answer.head.toLowerCase()).toContain(`x-request-id: ${answer.json.meta?.requestId}`);
    });

    it('headers without an end cost no memory', async () => {
      const before = process.memoryUsage().rss;
      const endless = Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'a'.repeat(4_000_000)}`);
      const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(hub.url, endless)));
      expect(answers.every(({ status }) => status === 431 || Number.isNaN(status))).toBe(true); // cut while it writes
      expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
      expect((await hub.admin.get('/v1/conversations')).status).toBe(200);
    });

    it('whoever sends too slowly is cut off', async () => {
      const [headers, body] = await Promise.all([
        exchange(hub.url, 'GET /v1/conversations HTTP/1.1\r\nHost: x\r\n', 'X-Slow: 1\r\n'),
        exchange(
          hub.url,
          request(
            'POST /v1/contacts HTTP/1.1',
            [`Authorization: Bearer ${hub.admin.key}`, 'Content-Type: application/json', 'Content-Length: 1000'],
            '{',
          ),
          ' ',
        ),
      ]);
      expect([headers.status, headers.json.error?.code]).toEqual([408, 'VALIDATION_ERROR']);
      expect(headers.ms).toBeLessThan(14_000);
      expect(body.status).toBe(408);
      expect(body.ms).toBeLessThan(35_000);
    });
  });

  describe('a thousand callers at once', () => {
    it('wait in line to be taken: none has to knock twice', async () => {
      const inLine = Number(await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => '0'));
      if (inLine < 1_500) return; // the kernel's own limit
      const api = await startProcess('api', { databaseUrl: hub.database.databaseUrl });
      const sockets: net.Socket[] = [];
      try {
        api.child.kill('SIGSTOP'); // nothing is taken from here on
        const port = Number(new URL(api.url).port);
        const connect = (): Promise<void> =>
          new Promise((resolve, reject) => {
            const socket = net.connect(port, '127.0.0.1', resolve).on('error', reject);
            sockets.push(socket);
            setTimeout(() => reject(new Error('no connection within 800 ms')), 800).unref(); // TCP tries again after 1 s
          });
        await Promise.all(Array.from({ length: 1_000 }, connect));
      } finally {
        for (const socket of sockets) socket.destroy();
        await api.kill();
      }
    });
  });

  describe('what is told of a request', () => {
    it('is one line, without the credential and without the address', async () => {
      const api = await startProcess('api', { databaseUrl: hub.database.databaseUrl });
      try {
        const headers = { authorization: `Bearer ${hub.admin.key}`, 'x-request-id': 'seen-1' };
        await fetch(`${api.url}/v1/conversations/conv_nothing?token=hunter2`, { headers });
        await fetch(`${api.url}/nothing/at/all`, { headers: { 'x-request-id': 'seen-2' } });
        await fetch(`${api.url}/health/live`, { headers: { 'x-request-id': 'seen-3' } });
        const lines = await eventually(() => {
          const found = api
            .log()
            .split('\n')
            .filter((line) => line.includes('http.request'));
          return found.length >= 2 && found.map((line) => JSON.parse(line) as Record<string, unknown>);
        }, 'both are logged');
        expect(lines).toHaveLength(2);
        expect(lines[0]).toMatchObject({
          msg: 'http.request',
          method: 'GET',
          route: '/v1/conversations/:id',
          status: 404,
          ms: expect.any(Number) as number,
          requestId: 'seen-1',
          organization: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
          principal: expect.stringMatching(/^api_key:[0-9a-f-]{36}$/) as string,
        });
        expect(lines[1]).toMatchObject({ route: 'unmatched', status: 404, requestId: 'seen-2' });
        expect(api.log()).not.toContain(hub.admin.key);
        expect(api.log()).not.toContain('hunter2');
        const metrics = await (await fetch(`${api.url}/metrics`)).text();
        expect(metrics).toContain('http_requests_total{method="GET",route="/v1/conversations/:id",status="404"} 1');
        expect(metrics).toContain('http_request_duration_seconds_count{method="GET",route="unmatched",status="404"} 1');
        expect(metrics).not.toContain('conv_nothing');
      } finally {
        await api.kill();
      }
    });
  });
});
