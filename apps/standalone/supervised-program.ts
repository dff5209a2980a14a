import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { lastLines } from './data-dir.js';
import type { LogFile } from './log-file.js';
import { sleep } from './processes.js';

const READY_TIMEOUT_MS = 60_000;
const BACKOFF_MS = [200, 1000, 2000, 5000, 10_000];
const STEADY_MS = 30_000; // up for so long, the next failure counts as the first again

/**
 * One of the product's processes. It tells over its IPC channel when it listens, and ends itself when that channel
 * closes, which is how it follows a killed parent. When it dies it is started again.
 */
export class SupervisedProgram {
  private child: ChildProcess | undefined;
  private stopping = false;
  private failures = 0;

  constructor(
    readonly name: string,
    private readonly script: string,
    private readonly env: () => NodeJS.ProcessEnv,
    private readonly log: LogFile,
    private readonly say: (line: string) => void,
  ) {}

  /**
   * Resolves when it listens; from then on it is kept running.
   * @throws Error with the end of its log when it does not get that far
   */
  async start(): Promise<void> {
    const child = this.spawn();
    await this.ready(child);
    const { exitCode, signalCode } = child;
    if (exitCode !== null || signalCode !== null) void this.again(child, exitCode, signalCode);
    else child.once('exit', (code, signal) => void this.again(child, code, signal));
  }

  /** Lets it finish what it has at hand for so long, then kills it. Returns when it is gone. */
  async stop(patienceMs: number): Promise<void> {
    this.stopping = true;
    const { child } = this;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      if (process.platform === 'win32')
        child.disconnect(); // there a signal would end it at once
      else child.kill('SIGTERM');
      await Promise.race([gone, sleep(patienceMs)]);
      child.kill('SIGKILL');
      await gone;
    }
    this.log.close();
  }

  /** Ends it, to be started again with the environment of now. */
  restart(): void {
    this.child?.kill('SIGTERM');
  }

  kill(): void {
    this.stopping = true;
    this.child?.kill('SIGKILL');
  }

  private spawn(): ChildProcess {
    const output = this.log.open();
    this.child = spawn(process.execPath, ['--enable-source-maps', this.script], {
      env: this.env(),
      stdio: ['ignore', output, output, 'ipc'],
      detached: process.platform !== 'win32', // a Ctrl-C at the terminal comes to us alone, and we stop things in order
      windowsHide: true,
    });
    closeSync(output);
    return this.child;
  }

  private ready(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        const log = `The last lines of ${this.log.path}:\n${lastLines(this.log.path, 15)}`;
        reject(new Error(this.stopping ? 'stopped' : `The ${this.name} ${reason}.\n${log}`));
      };
      const timer = setTimeout(() => {
        fail(`did not get ready within ${READY_TIMEOUT_MS / 1000} s`);
        child.kill('SIGKILL');
      }, READY_TIMEOUT_MS);
      child.once('error', (error) => fail(`could not be started: ${error.message}`));
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`stopped while it was starting (${signal ?? code})`);
      });
      child.on('message', (message) => {
        if (!(message as { ready?: boolean }).ready) return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private async again(dead: ChildProcess, code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    if (this.stopping || this.child !== dead) return;
    this.child = undefined;
    const wait = BACKOFF_MS[Math.min(this.failures++, BACKOFF_MS.length - 1)] ?? 0;
    this.say(`The ${this.name} has stopped (${signal ?? code}); starting it again.`);
    await sleep(wait);
    while (!this.stopping) {
      const since = Date.now();
      try {
        await this.start();
        setTimeout(() => (this.failures = 0), STEADY_MS).unref();
        this.say(`The ${this.name} is back after ${Date.now() - since + wait} ms.`);
        return;
      } catch (error) {
        if (this.stopping) return;
        this.say((error as Error).message);
        await sleep(BACKOFF_MS[Math.min(this.failures++, BACKOFF_MS.length - 1)] ?? 0);
      }
    }
  }
}
