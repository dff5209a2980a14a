import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { ValidationError } from './errors.js';
import { checkUrl, safeFetch } from './safe-fetch.js';

const LOOPBACK = ['127.0.0.0/8'];

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
    'https://127.1/',
    'https://0x7f000001/',
    'https://017700000001/',
    'https://2130706433./',
    'https://2130706433../',
    'https://\uff11\uff12\uff17.0.0.1/', // full-width digits
    'https://127\u30020\u30020\u30021/', // ideographic full stops
    'https://%31%32%37.0.0.1/',
    'https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/', // localhost in circles
    'https://LOCALHOST/',
    'https://[::]/',
    'https://[::127.0.0.1]/',
    'https://[::ffff:0:7f00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[fe80::1%25eth0]/',
    'https://[fe80::1]/',
    'https://256.0.0.1/',
    'https://1.2.3.4.5/',
    'https://xn--/',
    'https://./',
    'https://a..example/',
    'https://.example/',
    'https://example.com../',
    `https://${'a'.repeat(64)}.example/`,
    `https://${'a.'.repeat(127)}example/`,
    'https://example.com:0/',
    'https://example.com:65536/',
    'https://example.com:6000/',
    'https://example.com:6667/',
    'https://user@example.com/',
    'https://:secret@example.com/',
    'https://8.8.8.8@127.0.0.1/',
    'https:\\\\127.0.0.1\\@example.com/',
    'https://127.0.0.1#@example.com/',
    'https://0/',
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

  it.each([
    'https://example.com/hook',
    'https://example.com:8443/',
    'https://8.8.8.8/',
    'https://bücher.example/',
    'https://example.com./',
    'https://xn--bcher-kva.example/',
    'https://a_b.example/',
    'https://[2606:4700::1111]/',
  ])('accepts %s', async (url) => expect(await checkUrl(url, [])).toBeUndefined());

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
