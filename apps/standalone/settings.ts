import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { loadConfig } from '@hub/platform/config.js';
import { keepOnce, openDataDir } from './data-dir.js';

const LOOPBACK = '127.0.0.1';

/** What `npm start` makes of the environment. */
export interface Settings {
  /** False with DATABASE_URL set: that database is used, and nothing is assumed about who may reach whom. */
  readonly embedded: boolean;
  readonly dataDir: string;
  readonly logDir: string;
  readonly host: string;
  /** undefined: the default, or another one where that is taken. */
  readonly port: number | undefined;
  readonly workerPort: number | undefined;
  /** Which of the programs' variables to add to the environment they inherit. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The embedded default needs nothing: a secret key is made once and kept in DATA_DIR, only this machine gets in,
 * webhooks may go to this machine, and mails (invitations, password links) are written into the log. With DATABASE_URL
 * it is a deployment, which has to say what it wants: SECRET_KEY is required then, because a key that lies on one
 * machine's disk would not open what another has encrypted.
 * @throws Error that names every missing or malformed variable
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const embedded = !env['DATABASE_URL'];
  const placeholders = {
    DATABASE_URL: 'postgres://embedded',
    SECRET_KEY: env['SECRET_KEY'] ?? '0'.repeat(64),
  };
  const config = loadConfig(embedded ? { ...env, ...placeholders } : env);
  const dataDir = openDataDir(path.resolve(env['DATA_DIR'] ?? '.data'));
  const host = env['HOST'] ?? (embedded ? LOOPBACK : config.HOST);
  return {
    embedded,
    dataDir,
    logDir: path.join(dataDir, 'logs'),
    host,
    port: env['PORT'] ? config.PORT : undefined,
    workerPort: env['WORKER_PORT'] ? config.WORKER_PORT : undefined,
    env: {
      HOST: host,
      DATA_DIR: dataDir,
      ...(embedded && {
        SECRET_KEY: env['SECRET_KEY'] ?? secretKey(dataDir),
        SMTP_URL: env['SMTP_URL'] ?? 'log:',
        WEBHOOK_ALLOWED_NETWORKS: env['WEBHOOK_ALLOWED_NETWORKS'] ?? '127.0.0.0/8,::1/128',
      }),
    },
  };
}

const secretKey = (dataDir: string): string =>
  keepOnce(path.join(dataDir, 'secret.key'), () => `${randomBytes(32).toString('hex')}\n`).trim();

/** How this machine reaches what listens on `host`. */
export function localUrl(host: string, port: number): string {
  const open = host === '0.0.0.0' || host === '::';
  const name = open ? LOOPBACK : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
