import { checkUrl, safeFetch, type SafeResult } from '@hub/platform/safe-fetch.js';
import { Listener } from '../support/listener.js';
import { NameServer } from '../support/name-server.js';

/* 127.0.0.2 stands for the internet: the operator has allowed it. 127.0.0.1 is what nobody may reach. */
const ALLOWED = ['127.0.0.2/32'];
const GOOD = '127.0.0.2';
const BAD = '127.0.0.1';
const ANSWER = 'HTTP/1.1 204 No Content\r\n\r\n';
const LAST_ANSWER = 'HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n';

describe('names that somebody else answers for', () => {
  let names: NameServer;
  let good: Listener;
  let trap: Listener;

  beforeAll(async () => {
    names = await NameServer.start();
    good = await Listener.start(GOOD);
    trap = await Listener.start(BAD, good.port);
  });
  beforeEach(() => {
    good.connections = 0;
    good.says(LAST_ANSWER);
  });
  afterEach(() => expect(trap.connections).toBe(0));
  afterAll(async () => {
    await Promise.all([names.stop(), good.stop(), trap.stop()]);
  });

  const call = (name: string, more: { timeoutMs?: number; allowedNetworks?: string[]; scheme?: string } = {}) =>
    safeFetch({
      url: `${more.scheme ?? 'http'}://${name}:${good.port}/`,
      body: '{}',
      timeoutMs: more.timeoutMs ?? 5_000,
      allowedNetworks: more.allowedNetworks ?? ALLOWED,
    });
  const outcomes = (results: SafeResult[]): string[] => [...new Set(results.map(({ outcome }) => outcome))].sort();

  it('win nothing by changing their answer between two calls', async () => {
    names.name('later.test', ({ nth }) => [nth === 1 ? GOOD : BAD]);
    expect(await call('later.test')).toMatchObject({ outcome: 'response', remoteAddress: GOOD });
    expect(await call('later.test')).toMatchObject({ outcome: 'blocked_address' });
    expect(good.connections).toBe(1);
  });

  it('win nothing by changing their answer between the check of the URL and the call', async () => {
    names.name('checked.test', ({ nth }) => [nth === 1 ? GOOD : BAD]);
    await checkUrl(`http://checked.test:${good.port}/`, ALLOWED);
    expect(await call('checked.test')).toMatchObject({ outcome: 'blocked_address' });
    expect(names.asked('checked.test')).toBe(4);
  });

  it('win nothing by changing their answer all the time', async () => {
    names.name('flapping.test', ({ nth }) => [nth % 2 ? GOOD : BAD]);
    const results: SafeResult[] = [];
    for (let round = 0; round < 20; round += 1) {
      results.push(...(await Promise.all(Array.from({ length: 10 }, () => call('flapping.test')))));
    }
    expect(outcomes(results)).toEqual(['blocked_address', 'response']);
  });

  it('are refused over https, too', async () => {
    names.name('inside.test', [BAD, '10.0.0.1', '::1', '::ffff:127.0.0.1', 'fd00::1', 'fe80::1', '64:ff9b::7f00:1']);
    for (const allowedNetworks of [ALLOWED, []]) {
      expect(await call('inside.test', { scheme: 'https', allowedNetworks })).toMatchObject({
        outcome: 'blocked_address',
      });
    }
  });

  it('reach the permitted address when they name a forbidden one beside it', async () => {
    names.name('mixed.test', [BAD, GOOD, '10.0.0.1', '::1']);
    expect(await call('mixed.test')).toMatchObject({ outcome: 'response', remoteAddress: GOOD });
  });

  it('do not fall back on a forbidden address when the permitted one is closed', async () => {
    names.name('fallback.test', ['127.0.0.3', BAD]);
    expect(await call('fallback.test', { allowedNetworks: ['127.0.0.3/32'] })).toMatchObject({ outcome: 'connect' });
  });

  it('are judged by the end of their aliases', async () => {
    names.name('alias.test', { cname: 'inner.test', addresses: [BAD] });
    expect(await call('alias.test')).toMatchObject({ outcome: 'blocked_address' });
    names.name('fair-alias.test', { cname: 'inner.test', addresses: [GOOD] });
    expect(await call('fair-alias.test')).toMatchObject({ outcome: 'response', remoteAddress: GOOD });
  });

  it('may have IPv6 addresses only', async () => {
    const six = await Listener.start('::1', good.port);
    six.says(LAST_ANSWER);
    names.name('six.test', ['::1']);
    expect(await call('six.test')).toMatchObject({ outcome: 'blocked_address' });
    expect(six.connections).toBe(0);
    expect(await call('six.test', { allowedNetworks: ['::1/128'] })).toMatchObject({
      outcome: 'response',
      remoteAddress: '::1',
    });
    await six.stop();
  });

  it.each([['NXDOMAIN'], ['SERVFAIL'], [[]]] as const)(
    'that resolve to nothing are told as such: %j',
    async (answer) => {
      names.name('nothing.test', answer);
      expect(await call('nothing.test')).toMatchObject({
        outcome: 'dns',
        error: expect.stringContaining('nothing.test'),
      });
    },
  );

  it('without an answer cost no more than the deadline', async () => {
    names.name('silent.test', 'silence');
    expect(await call('silent.test', { timeoutMs: 300 })).toMatchObject({ outcome: 'timeout' });
    const result = await call('silent.test', { timeoutMs: 700 });
    expect(result.outcome).toBe('timeout');
    expect(result.durationMs).toBeGreaterThanOrEqual(690);
    expect(result.durationMs).toBeLessThan(1_500);
  });

  it('whose server says nothing of IPv6 are reached by IPv4 without a wait for it', async () => {
    names.name('half.test', ({ type }) => (type === 'A' ? [GOOD] : 'silence'));
    const result = await call('half.test');
    expect(result).toMatchObject({ outcome: 'response', remoteAddress: GOOD });
    expect(result.durationMs).toBeLessThan(1_500);
  });

  it('are asked about once by all who ask at once, and anew by whoever comes later', async () => {
    names.name('busy.test', [GOOD]);
    await Promise.all(Array.from({ length: 20 }, () => call('busy.test')));
    expect(names.asked('busy.test')).toBe(2);
    await call('busy.test');
    expect(names.asked('busy.test')).toBe(4);
  });

  it('never share a kept connection', async () => {
    good.says(ANSWER);
    names.name('one.test', ({ nth }) => [nth === 1 ? GOOD : BAD]);
    names.name('two.test', [GOOD]);
    names.name('three.test', [BAD]);
    const reached = { outcome: 'response', remoteAddress: GOOD };
    for (const name of ['one.test', 'two.test', GOOD]) expect(await call(name)).toMatchObject(reached);
    expect(good.connections).toBe(3);
    expect(await call('three.test')).toMatchObject({ outcome: 'blocked_address' });
    expect(await call('one.test')).toMatchObject(reached); // the connection that was checked, and no question
    expect([good.connections, names.asked('one.test')]).toEqual([3, 2]);
    expect(await call('one.test', { allowedNetworks: ['127.0.0.9/32'] })).toMatchObject({ outcome: 'blocked_address' });
  });

  it('with more addresses than a site has are tried at a few only', async () => {
    const many = Array.from({ length: 20 }, (_, index) => `127.0.1.${index + 1}`);
    names.name('many.test', many);
    const result = await call('many.test', { allowedNetworks: ['127.0.1.0/24'] });
    expect(result).toMatchObject({ outcome: 'connect' });
    expect(result.outcome === 'connect' && result.error.split(';')).toHaveLength(8);
  });
});
