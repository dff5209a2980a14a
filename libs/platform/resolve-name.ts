import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

export class NameError extends Error {}

export const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
export const isLocalName = (name: string): boolean => name === 'localhost' || name.endsWith('.localhost');

/**
 * Asks the name servers of the machine. Not `dns.lookup`: it occupies one of libuv's four threads for as long as a
 * stranger's name server likes. Exported for tests, which give it a server of their own; no setting reaches it.
 */
export const nameResolver = new Resolver({ timeout: 2_000, tries: 2 });

/** How long an answer waits for that of the other family: some name servers leave AAAA questions unanswered. */
const OTHER_FAMILY_MS = 200;
const underWay = new Map<string, Promise<LookupAddress[]>>();

/**
 * The addresses of a name, IPv4 first: `localhost` by definition, then the hosts file, then DNS. Whoever asks while
 * the same question is under way shares its answer; no answer is kept.
 * @throws NameError
 */
export async function resolveName(name: string): Promise<readonly LookupAddress[]> {
  if (isLocalName(name)) return LOOPBACK;
  const asked = underWay.get(name);
  if (asked) return asked;
  const asking = ask(name).finally(() => underWay.delete(name));
  underWay.set(name, asking);
  return asking;
}

async function ask(name: string): Promise<LookupAddress[]> {
  const listed = (await hostsFile()).get(name.toLowerCase());
  if (listed) return listed;
  const found: LookupAddress[] = [];
  const questions = [question(name, 4, found), question(name, 6, found)];
  const all = Promise.allSettled(questions);
  await Promise.any(questions).then(
    () => Promise.race([all, new Promise((resolve) => setTimeout(resolve, OTHER_FAMILY_MS).unref())]),
    () => undefined,
  );
  if (found.length > 0) return found.sort((one, other) => one.family - other.family);
  const [v4] = await all;
  const reason = v4?.status === 'rejected' ? (v4.reason as NodeJS.ErrnoException).code : undefined;
  throw new NameError(`${name} does not resolve (${reason ?? 'no address'})`);
}

async function question(name: string, family: 4 | 6, found: LookupAddress[]): Promise<void> {
  const addresses = await (family === 4 ? nameResolver.resolve4(name) : nameResolver.resolve6(name));
  found.push(...addresses.map((address) => ({ address, family })));
}

const HOSTS_TTL_MS = 5_000;
let hosts: { readonly until: number; readonly names: Map<string, LookupAddress[]> } = {
  until: 0,
  names: new Map(),
};

async function hostsFile(): Promise<Map<string, LookupAddress[]>> {
  if (hosts.until > Date.now()) return hosts.names;
  const names = new Map<string, LookupAddress[]>();
  const text = await readFile('/etc/hosts', 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const [address, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address ?? '');
    if (address === undefined || family === 0) continue;
    for (const alias of aliases.map((name) => name.toLowerCase())) {
      names.set(alias, [...(names.get(alias) ?? []), { address, family }]);
    }
  }
  hosts = { until: Date.now() + HOSTS_TTL_MS, names };
  return names;
}
