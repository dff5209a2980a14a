import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { isReachable, parseNetworks } from './addresses.js';
import { ValidationError } from './errors.js';
import { checkUrl, safeFetch } from './safe-fetch.js';

const LOOPBACK = ['127.0.0.0/8'];

describe('isReachable', () => {
  const none = parseNetworks([]);
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::7f00:1',
    '64:ff9b::a00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:10::1',
    '2001:20::1',
    '2001:db8::1',
    '2002:a00:1::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'no address',
    '',
  ])('blocks %s', (address) => expect(isReachable(address, none)).toBe(false));

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '172.15.0.1',
    '172.32.0.1',
    '192.169.0.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
  ])('lets %s through', (address) => expect(isReachable(address, none)).toBe(true));

  it('lets allowed networks through, and nothing beside them', () => {
    const allowed = parseNetworks(['10.1.0.0/16', 'fd00::/8']);
    expect(isReachable('10.1.2.3', allowed)).toBe(true);
    expect(isReachable('::ffff:10.1.2.3', allowed)).toBe(true);
    expect(isReachable('fd12::1', allowed)).toBe(true);
    expect(isReachable('10.2.0.1', allowed)).toBe(false);
  });

  it('refuses a network that is none', () => expect(() => parseNetworks(['10.0.0.0'])).toThrow('10.0.0.0'));
});

describe('checkUrl', () => {
  it.each([
    'not a url',
    '/relative',
    'ftp://example.com/',
    'javascript:alert(1)',
    'http://example.com/hook',
    'https://example.com:80/hook',
    'https://example.com:22/hook',
    'https://user:secret@example.com/',
    'https://127.0.0.1/',
    'https://0177.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://127.0.0.1./',
    'https://[::1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://localhost/',
    'https://localhost./',
    'https://api.localhost:8443/',
    'https://169.254.169.254/latest/meta-data',
    'https://[fd00:ec2::254]/',
  ])('refuses %s', async (url) => {
    const error = await checkUrl(url, []).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({ code: 'INVALID_URL', details: [{ field: 'url' }] });
  });

  it.each(['https://example.com/hook', 'https://example.com:8443/', 'https://8.8.8.8/', 'https://bücher.example/'])(
    'accepts %s',
    async (url) => expect(await checkUrl(url, [])).toBeUndefined(),
  );

  it.each([
    'http://127.0.0.1:4000/',
    'http://localhost/',
    'https://[::ffff:127.0.0.1]:4000/',
    'http://localhost:4000/x',
  ])('accepts %s where loopback is allowed', async (url) => expect(await checkUrl(url, LOOPBACK)).toBeUndefined());

  it('refuses plain http to the internet though a network is allowed', async () => {
    await expect(checkUrl('http://8.8.8.8/', LOOPBACK)).rejects.toMatchObject({ code: 'INVALID_URL' });
  });
});

describe('safeFetch', () => {
  let server: Server;
  let base: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  beforeAll(async () => {
    server = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const call = (url = base, timeoutMs = 2_000, allowedNetworks = LOOPBACK) =>
    safeFetch({ url, body: '{}', timeoutMs, allowedNetworks, headers: { 'x-one': '1' } });

  it('gives status, headers, body and the address', async () => {
    let seen = '';
    answer = (request, response) => {
      request.on('data', (chunk: Buffer) => (seen += chunk.toString()));
      request.on('end', () => response.writeHead(201, { 'x-two': '2' }).end('hello'));
    };
    const result = await call();
    expect(result).toMatchObject({
      outcome: 'response',
      status: 201,
      truncated: false,
      remoteAddress: '127.0.0.1',
    });
    expect(result).toMatchObject({ headers: { 'x-two': '2' }, body: Buffer.from('hello') });
    expect(seen).toBe('{}');
  });

  it('does not follow redirects', async () => {
    answer = (_, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    expect(await call()).toMatchObject({ outcome: 'response', status: 302 });
  });

  it('stops reading an endless body', async () => {
    let closed = false;
    answer = (_, response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1);
      response.on('close', () => {
        closed = true;
        clearInterval(timer);
      });
    };
    const result = await call();
    expect(result).toMatchObject({ outcome: 'response', status: 200, truncated: true });
    expect(result.outcome === 'response' && result.body.length).toBe(16_384);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(closed).toBe(true);
  });

  it('has one deadline, over the body too', async () => {
    answer = () => undefined;
    expect(await call(base, 100)).toMatchObject({ outcome: 'timeout' });
    answer = (_, response) => response.write('drip');
    expect(await call(base, 100)).toMatchObject({ outcome: 'timeout' });
  });

  it('tells a reset, a refused connection and a failed handshake apart', async () => {
    answer = (request) => request.socket.resetAndDestroy();
    expect(await call()).toMatchObject({ outcome: 'reset' });
    expect(await call('http://127.0.0.1:1024')).toMatchObject({ outcome: 'connect' });
    expect(await call(base.replace('http:', 'https:'))).toMatchObject({ outcome: 'tls' });
  });

  it('says when a name does not resolve', async () => {
    expect(await call('https://nowhere.invalid/')).toMatchObject({ outcome: 'dns' });
  }, 10_000);

  it('never opens a connection to a blocked address', async () => {
    let connections = 0;
    const trap = createTcpServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const { port } = trap.address() as AddressInfo;
    for (const host of ['127.0.0.1', 'localhost', 'localhost.', '[::ffff:7f00:1]', '2130706433', 'x.localhost']) {
      expect(await call(`https://${host}:${port}/`, 2_000, [])).toMatchObject({ outcome: 'blocked_address' });
    }
    expect(await call(`http://localhost:${port}/`, 2_000, ['10.0.0.0/8'])).toMatchObject({
      outcome: 'blocked_address',
    });
    expect(connections).toBe(0);
    trap.close();
  });

  it('connects a name whose address is allowed', async () => {
    answer = (_, response) => response.writeHead(204).end();
    expect(await call(base.replace('127.0.0.1', 'localhost'))).toMatchObject({
      outcome: 'response',
      status: 204,
    });
  });
});
