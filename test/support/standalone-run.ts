import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const MAIN = path.resolve('dist/apps/standalone/main.js');
const READY_MS = 60_000;

export interface StandaloneOptions {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly account?: { readonly uid: number; readonly gid: number };
}

/** `npm start` as its own processes, with nothing of the test's environment but the PATH. */
export class StandaloneRun {
  output = '';
  private readonly exited: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly dataDir: string,
  ) {
    child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  }

  static spawn(options: StandaloneOptions): StandaloneRun {
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH, HOME, DATA_DIR: options.dataDir, ...options.env },
      cwd: os.tmpdir(),
      ...options.account,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new StandaloneRun(child, options.dataDir);
  }

  static async start(options: StandaloneOptions): Promise<StandaloneRun> {
    const run = StandaloneRun.spawn(options);
    await run.ready();
    return run;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }
  get url(): string {
    return /ready: +(\S+)/.exec(this.output)?.[1] ?? '';
  }
  get key(): string | undefined {
    return /Admin API key: +(sk_\S+)/.exec(this.output)?.[1];
  }

  async ready(): Promise<void> {
    let code: number | null | undefined;
    void this.exited.then((value) => (code = value));
    await until(
      () => this.output.includes('Ctrl-C stops') || code !== undefined,
      READY_MS,
      () => this.output,
    );
    if (code !== undefined) throw new Error(`It ended with ${code}:\n${this.output}`);
  }

  /** @returns the exit code */
  exit(): Promise<number | null> {
    return this.exited;
  }

  stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }

  /** Process ids of the api, the worker and PostgreSQL's first process; 0 where there is none. */
  processes(): { main: number; api: number; worker: number; postgres: number } {
    const children = list().filter((entry) => entry.parent === this.pid);
    const find = (name: string): number =>
      children.find((entry) => entry.command.includes(`apps/${name}/main.js`))?.pid ?? 0;
    return { main: this.pid, api: find('api'), worker: find('worker'), postgres: postmaster(this.dataDir) };
  }

  /** A request with the given key; the parsed answer. */
  async call<T>(key: string, route: string, body?: unknown): Promise<T> {
    const response = await fetch(this.url + route, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async isReady(): Promise<boolean> {
    return fetch(`${this.url}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
  }
}

/** Where PostgreSQL keeps the data of a DATA_DIR. */
export function clusterOf(dataDir: string): string {
  const pointer = path.join(dataDir, 'postgres.location');
  return path.join(existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : dataDir, 'postgres');
}

function postmaster(dataDir: string): number {
  const file = path.join(clusterOf(dataDir), 'postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
}

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Zombies left out: whether somebody reaps them is not ours. */
function list(): Listed[] {
  const lines = execFileSync('ps', ['-axo', 'pid=,ppid=,stat=,command='], { encoding: 'utf8' }).split('\n');
  return lines
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null && !match[3]?.startsWith('Z'))
    .map((match) => ({ pid: Number(match?.[1]), parent: Number(match?.[2]), command: match?.[4] ?? '' }));
}

/** Processes that still have to do with a DATA_DIR or are among `pids`. */
export function leftOver(dataDir: string, pids: readonly number[] = []): string[] {
  const cluster = clusterOf(dataDir);
  return list()
    .filter((entry) => pids.includes(entry.pid) || entry.command.includes(cluster))
    .map((entry) => `${entry.pid} ${entry.command}`);
}

export async function until(holds: () => boolean | Promise<boolean>, ms: number, what: () => string): Promise<void> {
  for (const end = Date.now() + ms; !(await holds());) {
    if (Date.now() > end) throw new Error(`Not within ${ms} ms: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Something that holds a port. */
export function occupy(port: number): Promise<{ port: number; free: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () =>
      resolve({
        port: (server.address() as net.AddressInfo).port,
        free: () => new Promise((done) => server.close(() => done())),
      }),
    );
  });
}

const made: string[] = [];

/** A folder that everyone can pass through, as a home or a project often is; removed by {@link removeFolders}. */
export function makeFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'switchboard standalone '));
  made.push(folder);
  return folder;
}

/** Ends what a failed test may have left and removes its data, also what lies outside its folder. */
export function removeFolders(dataDirs: readonly string[], runs: readonly StandaloneRun[]): void {
  const kill = (pid: number): void => {
    try {
      if (pid > 0) process.kill(pid, 'SIGKILL');
    } catch {
      // gone already
    }
  };
  for (const run of runs) kill(run.pid);
  for (const dataDir of dataDirs) {
    kill(postmaster(dataDir));
    const cluster = clusterOf(dataDir);
    if (!cluster.startsWith(dataDir)) rmSync(path.dirname(cluster), { recursive: true, force: true });
  }
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
