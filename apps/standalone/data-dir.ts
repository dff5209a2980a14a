import { randomBytes } from 'node:crypto';
import {
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

const ROTATE_AT_START = 5 * 1024 * 1024;

export const isRoot = process.getuid?.() === 0;

/**
 * Makes sure of the folder that holds all state of one installation. The account of the database server must be able
 * to pass through it when we are root; nobody else gets in.
 * @returns its real path
 */
export function openDataDir(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: isRoot ? 0o711 : 0o700 });
  return realpathSync(folder);
}

/** What `file` holds, or null where there is none. */
export function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Writes `content` unless the file is there already, and returns what it then holds: of several processes at once
 * one wins and all agree. The file is never seen half-written, and only its owner can read it.
 */
export function keepOnce(file: string, content: () => string): string {
  const kept = readIfThere(file);
  if (kept !== null) return kept;
  const draft = `${file}.${process.pid}.tmp`;
  replaceFile(draft, content());
  try {
    linkSync(draft, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') writeFileSync(file, readFileSync(draft), { mode: 0o600, flag: 'wx' }); // no hard links here
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8');
}

/** Only its owner can read it, and that is the folder's owner also where root has written. */
export function replaceFile(file: string, content: string): void {
  rmSync(file, { force: true }); // another user's file may not be written to, but in our folder it may be replaced
  writeFileSync(file, content, { mode: 0o600 });
  ownAlike(file);
}

/** Gives what root has made to the owner of the folder it lies in, who may be the one to start the next time. */
export function ownAlike(file: string): void {
  if (!isRoot) return;
  const { uid, gid } = statSync(path.dirname(file));
  chownSync(file, uid, gid);
}

export const randomSecret = (bytes: number): string => randomBytes(bytes).toString('base64url');

/** Lets a log begin anew when it has grown large. Nobody may be writing to it. */
export function rotate(file: string): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > ROTATE_AT_START) renameSync(file, `${file}.1`);
}

/** The end of a log, for a message about why something did not start. */
export function lastLines(file: string, count: number): string {
  return (readIfThere(file) ?? '').trimEnd().split('\n').slice(-count).join('\n');
}
