import { isInside, isReachable, networkOf, parseNetworks } from './addresses.js';

describe('isReachable', () => {
  const none = parseNetworks([]);
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '0.255.255.255',
    '10.0.0.0',
    '10.1.2.3',
    '10.254.0.0',
    '10.255.255.255',
    '100.64.0.1',
    '100.100.0.0',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.45.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '172.16.10.65',
    '192.0.0.0',
    '192.0.0.8',
    '192.0.0.255',
    '192.0.2.1',
    '192.0.2.255',
    '192.88.99.1',
    '192.168.1.1',
    '192.168.10.65',
    '198.18.0.0',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.65',
    '203.0.113.6',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '250.10.20.30',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:0.0.0.1',
    '::ffff:169.254.169.254',
    '::ffff:0:127.0.0.1',
    '0:0:0:ffff:0:0:0:1',
    '::127.0.0.1',
    '::ffff:10.0.0.1',
    '::7f00:1',
    '64:ff9b::a00:1',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::1',
    '100::1',
    '100:0:0:1::1',
    '1fff:ffff::1',
    '2001::1',
    '2001:0:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:2::1',
    '2001:10::1',
    '2001:20::1',
    '2001:2f:ffff::1',
    '2001:1ff:ffff::1',
    '2001:db8::1',
    '2001:db8:ffff::1',
    '2002:a00:1::1',
    '2002:808:808::1',
    '2620:4f:8000::1',
    '3fff::1',
    '3fff:fff::1',
    '4000::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fec0::1',
    'ff02::1',
    'ffff::1',
    '2130706433',
    '0177.0.0.1',
    '0x7f.1',
    '127.1',
    'no address',
    '',
  ])('blocks %s', (address) => expect(isReachable(address, none)).toBe(false));

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.0.1',
    '172.32.0.1',
    '192.169.0.1',
    '192.0.1.1',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2003::1',
    '2606:4700::1111',
    '3ffe::1',
    '3fff:1000::1',
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

describe('isInside', () => {
  it('knows only the networks given', () => {
    const networks = parseNetworks(['10.1.0.0/16', '2001:db8::/32']);
    expect(['10.1.0.1', '::ffff:10.1.0.1', '2001:db8::1'].every((one) => isInside(one, networks))).toBe(true);
    expect(['8.8.8.8', '10.2.0.1', '2001:db9::1', ''].some((one) => isInside(one, networks))).toBe(false);
  });
});

describe('networkOf', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3::4', '2001:db8:1:2::/64'],
    ['unknown', 'unknown'],
  ])('counts %s as %s', (ip, network) => expect(networkOf(ip)).toBe(network));
});
