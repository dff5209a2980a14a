import ipaddr from 'ipaddr.js';

/** Address ranges that the operator has opened to outbound calls, parsed. */
export type Networks = readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[];

const parsed = new Map<string, Networks>();

/** @throws Error naming the entry that is no CIDR */
export function parseNetworks(cidrs: readonly string[]): Networks {
  const key = cidrs.join();
  const known = parsed.get(key);
  if (known) return known;
  const networks = cidrs.map((cidr) => {
    if (!ipaddr.isValidCIDR(cidr)) throw new Error(`${cidr} is not a network in CIDR notation`);
    return ipaddr.parseCIDR(cidr);
  });
  parsed.set(key, networks);
  return networks;
}

/** The special-purpose registries of IANA: nothing here is a subscriber on the public internet. */
const BLOCKED_V4 = parseNetworks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]);
const GLOBAL_V6 = parseNetworks(['2000::/3']);
/** Within 2000::/3. Teredo, ORCHID and benchmarking are in 2001::/23; 2002::/16 is 6to4. */
const BLOCKED_V6 = parseNetworks(['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']);

/** Whether the address is on the public internet or inside `allowed`. Anything that is no address is not. */
export function isReachable(address: string, allowed: Networks): boolean {
  const ip = parse(address);
  if (ip === null) return false;
  if (isWithin(ip, allowed)) return true;
  return ip.kind() === 'ipv4' ? !isWithin(ip, BLOCKED_V4) : isWithin(ip, GLOBAL_V6) && !isWithin(ip, BLOCKED_V6);
}

export function isInside(address: string, networks: Networks): boolean {
  const ip = parse(address);
  return ip !== null && isWithin(ip, networks);
}

const isWithin = (ip: ipaddr.IPv4 | ipaddr.IPv6, networks: Networks): boolean =>
  networks.some((network) => network[0].kind() === ip.kind() && ip.match(network[0], network[1]));

/** IPv4 that wears IPv6 (`::ffff:10.0.0.1`) counts as the IPv4 that it is. */
function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const bare = address.replace(/%.*$/, '');
  return ipaddr.isValid(bare) ? ipaddr.process(bare) : null;
}

/** Whom an address is counted as: an IPv4 address, or the /64 that one IPv6 subscriber has at the least. */
export function networkOf(ip: string): string {
  if (!ipaddr.isValid(ip)) return ip;
  const address = ipaddr.process(ip);
  if (address instanceof ipaddr.IPv4) return address.toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
