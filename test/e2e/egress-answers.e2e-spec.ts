import { gzipSync } from 'node:zlib';
import { safeFetch, type SafeRequest } from '@hub/platform/safe-fetch.js';
import { eventually } from '../support/harness.js';
import { drip, flood, Listener } from '../support/listener.js';

const ALLOWED = ['127.0.0.0/8'];
const OK = 'HTTP/1.1 200 OK\r\n';

describe('what comes back from a call', () => {
  let server: Listener;
  let trap: Listener;

  beforeAll(async () => {
    trap = await Listener.start();
  });
  beforeEach(async () => {
    server = await Listener.start();
  });
  afterEach(async () => {
    await eventually(() => [...server.open].every((socket) => !socket.writableNeedDrain), 'nobody is being written to');
    await server.stop();
    expect(trap.connections).toBe(0);
  });
  afterAll(() => trap.stop());

  const call = (more: Partial<SafeRequest> = {}, scheme = 'http') =>
    safeFetch({
      url: `${scheme}://127.0.0.1:${server.port}/hook`,
      body: '{}',
      timeoutMs: 5_000,
      allowedNetworks: ALLOWED,
      ...more,
    });

  it.each([301, 302, 303, 307, 308])('may be the redirect %i, which nobody follows', async (status) => {
    server.says(`HTTP/1.1 ${status} X\r\nlocation: http://127.0.0.1:${trap.port}/\r\ncontent-length: 0\r\n\r\n`);
    expect(await call()).toMatchObject({ outcome: 'response', status });
    expect(server.heard).toHaveLength(1);
  });

  describe('must come before the one deadline', () => {
    const cases: [string, Parameters<Listener['says']>[0]][] = [
      ['silence', () => undefined],
      ['headers that drip', (socket) => (socket.write(OK), drip(socket, 'x: y\r\n', 50))],
      ['a body that drips', (socket) => (socket.write(`${OK}\r\n`), drip(socket, 'x', 50))],
      ['interim answers that drip', (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n', 100)],
      [
        'a trailer that drips',
        (socket) => (socket.write(`${OK}transfer-encoding: chunked\r\n\r\n0\r\n`), drip(socket, 'x: y\r\n', 50)),
      ],
    ];
    it.each(cases)('%s', async (_, talk) => {
      server.says(talk);
      const result = await call({ timeoutMs: 600 });
      expect(result).toMatchObject({ outcome: 'timeout' });
      expect(result.durationMs).toBeLessThan(1_200);
      await eventually(() => server.open.size === 0, 'the connection is closed', 1_000);
    });

    it('a handshake', async () => {
      const result = await call({ timeoutMs: 600 }, 'https');
      expect(result).toMatchObject({ outcome: 'timeout' });
      expect(result.durationMs).toBeLessThan(1_200);
      expect(server.connections).toBe(1);
      await eventually(() => server.open.size === 0, 'the connection is closed', 1_000);
    });

    it('and so must the end of what is said', async () => {
      server.says((socket) => socket.pause());
      const result = await call({ timeoutMs: 600, body: Buffer.alloc(20_000_000) });
      expect(result).toMatchObject({ outcome: 'timeout' });
      await eventually(() => [...server.open].every((socket) => socket.resume()) && server.open.size === 0, 'closed');
    });
  });

  it('may have interim answers before it', async () => {
    server.says(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nlink: </a>\r\n\r\n${OK}content-length: 2\r\n\r\nhi`);
    expect(await call()).toMatchObject({ outcome: 'response', status: 200, body: Buffer.from('hi') });
  });

  it.each([
    ['interim answers without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['a header without end', `${OK}x: ${'x'.repeat(1_000_000)}`],
    ['a reason without end', `HTTP/1.1 200 ${'x'.repeat(100_000)}`],
    ['a chunk extension without end', `${OK}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(100_000)}`],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['another protocol from now on', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
    ['chunks that are none', `${OK}transfer-encoding: chunked\r\n\r\nnone\r\n`],
    ['two lengths', `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nxx`],
  ])('is refused when it is %s', async (_, text) => {
    server.says((socket) => flood(socket, text));
    const result = await call();
    expect(result).toMatchObject({ outcome: 'reset' });
    expect(result.durationMs).toBeLessThan(4_000);
    await eventually(() => server.open.size === 0, 'the connection is closed', 1_000);
    expect(server.pushed).toBeLessThan(16_000_000);
  });

  it('keeps 16 KiB of a body, and leaves the rest with its sender', async () => {
    server.says((socket) => {
      socket.write(`${OK}content-length: 1000000000\r\n\r\n`);
      flood(socket, 'x'.repeat(65_536));
    });
    const result = await call();
    expect(result).toMatchObject({ outcome: 'response', truncated: true, body: Buffer.alloc(16_384, 'x') });
    await eventually(() => server.open.size === 0, 'the connection is closed', 1_000);
    expect(server.pushed).toBeLessThan(16_000_000); // what the buffers of both ends hold
  });

  it('is whole at exactly 16 KiB, and cut at one byte more', async () => {
    for (const [length, truncated] of [
      [16_384, false],
      [16_385, true],
    ] as const) {
      server.says(`${OK}content-length: ${length}\r\n\r\n${'x'.repeat(length)}`);
      expect(await call()).toMatchObject({ truncated, body: Buffer.alloc(16_384, 'x') });
    }
  });

  it('is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    server.says((socket) => {
      socket.write(`${OK}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
      socket.write(bomb);
    });
    expect(await call()).toMatchObject({ outcome: 'response', truncated: false, body: bomb });
    expect(server.heard[0]).not.toMatch(/accept-encoding/i);
  });

  it('is taken although not all was said, and the connection is not used again', async () => {
    server.says((socket) => {
      socket.pause();
      socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
      setTimeout(() => socket.resume(), 200);
    });
    expect(await call({ body: Buffer.alloc(20_000_000) })).toMatchObject({ outcome: 'response', status: 413 });
    await eventually(() => server.open.size === 0, 'the connection is closed', 2_000);
  });

  it('is never the answer to a question that was not asked yet', async () => {
    server.says((socket, heard) => {
      if (!heard.startsWith('POST /first')) return socket.write(`${OK}content-length: 4\r\n\r\ntrue`);
      socket.write(`${OK}content-length: 4\r\n\r\ntrue`);
      return setTimeout(() => socket.write('HTTP/1.1 410 Gone\r\ncontent-length: 4\r\n\r\nlies'), 100);
    });
    expect(await call({ url: `http://127.0.0.1:${server.port}/first` })).toMatchObject({ status: 200 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const second = await call({ url: `http://127.0.0.1:${server.port}/second` });
    expect(second).not.toMatchObject({ status: 410 });
  });

  it.each<Record<string, string>>([
    { 'x-a': 'b\r\nx-injected: 1' },
    { 'x-a': 'b\nc' },
    { 'x-a': '\u010a' }, // a line feed once its upper half is lost
    { 'x-a\r\nx-injected': '1' },
    { 'x a': '1' },
    { '': '1' },
  ])('is nothing to headers that are none: %j', async (headers) => {
    expect(await call({ headers })).toMatchObject({ outcome: 'connect' });
    expect(server.connections).toBe(0);
  });

  it('is asked for in one well-formed request', async () => {
    server.says(`${OK}content-length: 0\r\n\r\n`);
    await call({ url: `http://127.0.0.1:${server.port}/a b?c=\u00e4#d`, body: '{"\u00e4":1}' });
    expect(server.heard[0]).toMatch(/^POST \/a%20b\?c=%C3%A4 HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n/);
    expect(server.heard[0]?.toLowerCase()).toContain('\r\ncontent-length: 8\r\n');
    expect(server.heard[0]).toMatch(/\r\n\r\n\{/);
  });
});
