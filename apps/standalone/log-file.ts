import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { ownAlike, rotate } from './data-dir.js';

const ROTATE_WHILE_RUNNING = 100 * 1024 * 1024;
const LOOK_EVERY_MS = 1000;
const CHUNK = 1024 * 1024;
const WARN = 40; // pino's number
const QUIET_MS = 10_000;
const SAID_AT_MOST = 4; // lines in QUIET_MS

/**
 * The log of one program. The program writes it itself, so that no line is lost when we are killed and none costs us
 * time; we look at what was added and say its warnings and errors in short.
 */
export class LogFile {
  private position = 0;
  private rest = '';
  private timer: NodeJS.Timeout | undefined;
  private said: number[] = [];
  private unsaid = 0;

  constructor(
    readonly path: string,
    private readonly name: string,
    private readonly say: (line: string) => void,
  ) {
    if (!existsSync(dirname(path))) {
      mkdirSync(dirname(path), { mode: 0o700 });
      ownAlike(dirname(path));
    }
    rotate(path);
  }

  /** For the standard output and error of a child: added to at the end, always. Close it once the child has it. */
  open(): number {
    const file = openSync(this.path, 'a', 0o600);
    ownAlike(this.path);
    if (!this.timer) {
      this.position = statSync(this.path).size;
      this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    }
    return file;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { size } = statSync(this.path, { throwIfNoEntry: false }) ?? { size: 0 };
    if (size < this.position) this.position = 0;
    if (size > this.position) this.read(Math.min(size - this.position, CHUNK));
    if (size > ROTATE_WHILE_RUNNING && this.position >= size) {
      copyFileSync(this.path, `${this.path}.1`);
      truncateSync(this.path); // the program goes on at the new end
      this.position = 0;
    }
    if (this.unsaid > 0 && this.mayTalk()) {
      this.talk(`... and ${this.unsaid} more, see ${this.path}`);
      this.unsaid = 0;
    }
  }

  private read(length: number): void {
    const file = openSync(this.path, 'r');
    const bytes = Buffer.alloc(length);
    const got = readSync(file, bytes, 0, length, this.position);
    closeSync(file);
    this.position += got;
    const lines = (this.rest + bytes.toString('utf8', 0, got)).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) if (/"level":[456]0/.test(line)) this.summarize(line);
  }

  private summarize(line: string): void {
    if (!this.mayTalk()) {
      this.unsaid++;
      return;
    }
    try {
      const { level, msg, error, err } = JSON.parse(line) as Record<string, unknown>;
      const reason = typeof error === 'string' ? error : (err as { message?: string } | undefined)?.message;
      this.talk(`${level === WARN ? 'warning' : 'error'}: ${String(msg)}${reason ? ` (${reason})` : ''}`);
    } catch {
      // cut off by a crash: it is in the file
    }
  }

  private mayTalk(): boolean {
    this.said = this.said.filter((time) => time > Date.now() - QUIET_MS);
    return this.said.length < SAID_AT_MOST;
  }

  private talk(text: string): void {
    this.said.push(Date.now());
    this.say(`[${this.name}] ${text.length > 300 ? `${text.slice(0, 300)}...` : text}`);
  }
}
