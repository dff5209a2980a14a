import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { drip, flood, Listener } from '../support/listener.js';

const CALLS = 200;
const OK = 'HTTP/1.1 200 OK\r\n';
const GUARD = pathToFileURL(path.resolve('dist/libs/platform/safe-fetch.js')).href;

/** What a process of its own, which makes the calls all at once, prints: outcomes, and by how much it has grown. */
const CALLER = `
  const { safeFetch } = await import(${JSON.stringify(GUARD)});
  const call = (path, timeoutMs) =>
    safeFetch({ url: process.argv[1] + path, body: '{}', timeoutMs, allowedNetworks: ['127.0.0.0/8'] });
  for (let round = 0; round < 5; round += 1) await Promise.all(Array.from({ length: 20 }, () => call('/quiet', 5_000)));
  global.gc();
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss()); }, 5);
  const results = await Promise.all(Array.from({ length: ${CALLS} }, () => call('/loud', 4_000)));
  clearInterval(watch);
  console.log(JSON.stringify({ outcomes: [...new Set(results.map((one) => one.outcome))], grownMiB: (peak - before) / 2 ** 20 }));
  process.exit(0);
`;

async function grownBy(server: Listener): Promise<{ outcomes: string[]; grownMiB: number }> {
  const arguments_ = ['--expose-gc', '--input-type=module', '-e', CALLER, `http://127.0.0.1:${server.port}`];
  const caller = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  caller.stdout.on('data', (data: Buffer) => (printed += data.toString()));
  await once(caller, 'close');
  return JSON.parse(printed) as { outcomes: string[]; grownMiB: number };
}

describe(`${CALLS} calls at once to a hostile receiver`, () => {
  let server: Listener;
  beforeEach(async () => {
    server = await Listener.start();
  });
  afterEach(() => server.stop());

  const bomb = gzipSync(Buffer.alloc(5_000_000)).toString('latin1');
  const cases: [string, string, (socket: Socket) => void][] = [
    ['a body without end', 'response', (socket) => (socket.write(`${OK}\r\n`), flood(socket, 'x'.repeat(65_536)))],
    ['a megabyte of header', 'reset', (socket) => socket.write(`${OK}x: ${'x'.repeat(1_000_000)}`)],
    ['thousands of tiny headers without end', 'timeout', (socket) => socket.write(OK + 'a:\r\n'.repeat(16_000))],
    [
      'thousands of tiny headers',
      'response',
      (socket) => socket.write(`${OK}${'a:\r\n'.repeat(16_000)}content-length: 0\r\n\r\n`),
    ],
    [
      'thousands of tiny trailers',
      'timeout',
      (socket) => socket.write(`${OK}transfer-encoding: chunked\r\n\r\n0\r\n${'a:\r\n'.repeat(16_000)}`),
    ],
    ['a body drop by drop', 'timeout', (socket) => (socket.write(`${OK}\r\n`), drip(socket, 'x', 5))],
    [
      'a packed bomb',
      'response',
      (socket) =>
        socket.write(`${OK}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n${bomb}`, 'latin1'),
    ],
  ];
  it.each(cases)('take less than 50 MiB when it sends %s', async (_, outcome, talk) => {
    server.says((socket, heard) =>
      heard.startsWith('POST /quiet') ? socket.write(`${OK}content-length: 0\r\n\r\n`) : talk(socket),
    );
    const { outcomes, grownMiB } = await grownBy(server);
    expect(outcomes).toEqual([outcome]);
    expect(grownMiB).toBeLessThan(50);
  });
});
