import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { safeFetch } from '@hub/platform/safe-fetch.js';
import { cert, key } from '../support/certificate.js';

const GUARD = pathToFileURL(path.resolve('dist/libs/platform/safe-fetch.js')).href;
/** Calls what it is given, in a process that believes in the certificate. */
const CALLER = `
  const { safeFetch } = await import(${JSON.stringify(GUARD)});
  const call = (url) => safeFetch({ url, body: '{}', timeoutMs: 5_000, allowedNetworks: ['127.0.0.0/8'] });
  for (const url of process.argv.slice(1)) {
    const { outcome, body } = await call(url);
    console.log(outcome, String(body ?? ''));
  }
  process.exit(0);
`;

describe('https', () => {
  const server = createServer({ key, cert }, (request, response) => {
    heard += 1;
    response.end(String((request.socket as { servername?: string }).servername));
  });
  let heard = 0;
  let connections = 0;
  let port = 0;

  beforeAll(async () => {
    server.on('secureConnection', () => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  beforeEach(() => {
    heard = 0;
    connections = 0;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('says nothing to a server whose certificate nobody vouches for', async () => {
    const call = {
      url: `https://localhost:${port}/`,
      body: 'secret',
      timeoutMs: 5_000,
      allowedNetworks: ['127.0.0.0/8'],
    };
    expect(await safeFetch(call)).toMatchObject({ outcome: 'tls', error: expect.stringContaining('certificate') });
    expect([connections, heard]).toEqual([0, 0]);
  });

  it('asks for the name in the URL, keeps the connection, and says nothing to a certificate of another name', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'certificate-'));
    await writeFile(path.join(folder, 'ca.pem'), cert);
    const urls = ['localhost', 'localhost.', '127.0.0.1', 'wrong.localhost'].map((host) => `https://${host}:${port}/`);
    const caller = spawn(process.execPath, ['--input-type=module', '-e', CALLER, ...urls], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem') },
    });
    let printed = '';
    caller.stdout.on('data', (data: Buffer) => (printed += data.toString()));
    await once(caller, 'close');
    await rm(folder, { recursive: true });
    expect(printed.trim().split(/ ?\n/)).toEqual(['response localhost', 'response localhost', 'tls', 'tls']);
    expect([connections, heard]).toEqual([1, 2]);
  });
});
