import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TEST_SECRET_KEY } from './harness.js';

/** An API or a worker as it runs in production: a process of its own, from `dist/`. */
export interface HubProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Kills it at once and waits until it is gone. */
  kill(): Promise<void>;
  /** What it has logged so far. */
  log(): string;
}

export interface ProcessSettings {
  readonly databaseUrl: string;
  readonly redisUrl?: string | undefined;
  /** What else is set. */
  readonly env?: NodeJS.ProcessEnv;
}

/** @throws Error with the process's own words when it does not start within 40 s */
export function startProcess(name: 'api' | 'worker', settings: ProcessSettings): Promise<HubProcess> {
  const child = spawn(process.execPath, [path.resolve(`dist/apps/${name}/main.js`)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...process.env,
      PORT: '0',
      WORKER_PORT: '0',
      HOST: '127.0.0.1',
      DATABASE_URL: settings.databaseUrl,
      ...(settings.redisUrl && { REDIS_URL: settings.redisUrl }),
      SECRET_KEY: TEST_SECRET_KEY,
      WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
      RATE_LIMIT_PER_MINUTE: '100000',
      LOGIN_RATE_LIMIT_PER_MINUTE: '0',
      MEDIA_STORE: `file:${path.join(tmpdir(), 'switchboard-media', 'processes')}`,
      LOG_LEVEL: 'info',
      ...settings.env,
    },
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`The ${name} did not start: ${output}`));
    }, 40_000);
    child.once('exit', (code) => reject(new Error(`The ${name} ended with ${code}: ${output}`)));
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve({
        url: (message as { url: string }).url,
        child,
        kill: async () => {
          child.kill('SIGKILL');
          await gone;
        },
        log: () => output,
      });
    });
  });
}
