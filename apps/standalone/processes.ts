import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';

/** The account a program runs under; undefined is our own. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Outcome {
  readonly ok: boolean;
  /** Standard output and error, in the order they came. */
  readonly output: string;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Runs a program to its end, in its own process group, so that a Ctrl-C at the terminal does not reach it, and from
 * the root folder, because another account may not be able to enter ours. Never rejects.
 */
export function run(command: string, args: readonly string[], account?: Account): Promise<Outcome> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, {
      ...account,
      cwd: process.platform === 'win32' ? undefined : '/',
      env: { ...process.env, LC_ALL: 'C' },
      detached: process.platform !== 'win32',
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', (error) => resolve({ ok: false, output: output + error.message }));
    const end = (code: number | null): void => resolve({ ok: code === 0, output: output.trim() });
    child.once('close', end);
    child.once('exit', (code) => setTimeout(end, 300, code).unref()); // a server it left behind may hold its output (Windows)
  });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * The living processes whose working folder is `folder`, or null where the system does not tell. Unlike a process id
 * in a file this is mistaken neither by an unreaped zombie nor by an id that something else has got since.
 */
export function processesIn(folder: string): number[] | null {
  if (process.platform !== 'linux') return null;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === folder;
      } catch {
        return false;
      }
    });
}
