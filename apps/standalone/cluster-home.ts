import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isRoot, keepOnce, readIfThere } from './data-dir.js';
import { run, type Account } from './processes.js';

/** Where root's clusters and copies of the programs go when the server's account cannot enter DATA_DIR. */
export const SYSTEM_HOME = '/var/lib/switchboard-pg';

/** Where the cluster of one DATA_DIR lies, and who runs it. */
export interface ClusterHome {
  /** PostgreSQL's data folder. It may not exist yet. */
  readonly folder: string;
  /** undefined: our own account. PostgreSQL refuses to run as root. */
  readonly account: Account | undefined;
}

/**
 * The cluster lies in DATA_DIR/postgres. Only where root's server account cannot enter DATA_DIR does it lie under
 * {@link SYSTEM_HOME}, in a folder made for this DATA_DIR alone: the file postgres.location tells where, and a file
 * beside the cluster tells whose it is, so that a copied DATA_DIR is refused instead of sharing the original's data.
 */
export async function findClusterHome(dataDir: string): Promise<ClusterHome> {
  const inside = path.join(dataDir, 'postgres');
  const pointer = path.join(dataDir, 'postgres.location');
  if (!isRoot) {
    if (existsSync(pointer))
      throw new Error(`${dataDir} was made by root; run as root again, or choose another DATA_DIR.`);
    return { folder: ownFolder(inside), account: undefined };
  }
  const elsewhere = readIfThere(pointer);
  if (elsewhere !== null) return outside(elsewhere.trim(), dataDir);
  if (existsSync(path.join(inside, 'PG_VERSION'))) {
    const { uid, gid } = statSync(inside);
    if (await canEnter(inside, { uid, gid })) return { folder: inside, account: { uid, gid } };
    throw new Error(
      `The database server's account (uid ${uid}) can no longer enter ${inside}: a folder above it was closed.`,
    );
  }
  const account = await serverAccount();
  if (await canEnter(dataDir, account)) return { folder: inside, account };
  const made = makeOutside(dataDir);
  const kept = keepOnce(pointer, () => made).trim();
  if (kept !== made) rmSync(made, { recursive: true });
  return outside(kept, dataDir, account);
}

function ownFolder(folder: string): string {
  if (existsSync(folder) && statSync(folder).uid !== process.getuid?.() && process.platform !== 'win32') {
    throw new Error(`${folder} belongs to another user; run as that user (or root), or choose another DATA_DIR.`);
  }
  return folder;
}

function makeOutside(dataDir: string): string {
  const home = path.join(SYSTEM_HOME, randomUUID());
  mkdirSync(home, { recursive: true });
  chmodSync(SYSTEM_HOME, 0o755);
  chmodSync(home, 0o711);
  writeFileSync(path.join(home, 'origin'), dataDir, { mode: 0o600 });
  return home;
}

async function outside(home: string, dataDir: string, newcomer?: Account): Promise<ClusterHome> {
  const origin = readIfThere(path.join(home, 'origin'));
  if (origin === null) throw new Error(`The database of ${dataDir} should be in ${home}, but it is not there.`);
  if (origin !== dataDir) {
    if (readIfThere(path.join(origin, 'postgres.location'))?.trim() === home) {
      throw new Error(
        `${dataDir} is a copy of ${origin}: both name the database in ${home}. Choose an empty DATA_DIR, or remove the original.`,
      );
    }
    writeFileSync(path.join(home, 'origin'), dataDir, { mode: 0o600 }); // it was moved
  }
  const folder = path.join(home, 'postgres');
  if (existsSync(folder)) {
    const { uid, gid } = statSync(folder);
    return { folder, account: { uid, gid } };
  }
  return { folder, account: newcomer ?? (await serverAccount()) };
}

/** Whether `account` can pass through `folder`, asked of the system, which knows about access lists too. */
async function canEnter(folder: string, account: Account): Promise<boolean> {
  return (await run('test', ['-x', realpathSync(folder)], account)).ok;
}

/** The system's `postgres` user, made if there is none. */
async function serverAccount(): Promise<Account> {
  for (const name of ['postgres', '_postgres']) {
    const found = await lookUp(name);
    if (found) return found;
  }
  const made = await run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ]);
  const found = await lookUp('postgres');
  if (found) return found;
  throw new Error(
    `PostgreSQL does not run as root, and no user could be made for it (${made.output}). Start as an ordinary user.`,
  );
}

async function lookUp(name: string): Promise<Account | null> {
  const uid = await run('id', ['-u', name]);
  const gid = await run('id', ['-g', name]);
  return uid.ok && gid.ok ? { uid: Number(uid.output), gid: Number(gid.output) } : null;
}

/** Removes a DATA_DIR with its cluster, wherever that lies. The server must have been stopped. */
export function removeDataDir(dataDir: string): void {
  const home = readIfThere(path.join(dataDir, 'postgres.location'))?.trim();
  if (home?.startsWith(`${SYSTEM_HOME}/`)) rmSync(home, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}
