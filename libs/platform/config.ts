import path from 'node:path';
import { cleanEnv, EnvMissingError, makeValidator, num, str, url } from 'envalid';
import { parseNetworks } from './addresses.js';

const toKey = (input: string): Buffer => {
  const bytes = Buffer.from(input, /^[0-9a-f]{64}$/i.test(input) ? 'hex' : 'base64');
  if (bytes.length !== 32) throw new Error('32 bytes as 64 hex digits or in base64, e.g. `openssl rand -hex 32`');
  return bytes;
};
const secretKey = makeValidator(toKey);
const apiKey = makeValidator((input: string) => {
  if (!/^sk_[\w-]{29,}$/.test(input)) throw new Error('a string that starts with sk_ and has 32 characters or more');
  return input;
});
const port = makeValidator((input: string) => {
  if (!/^\d{1,5}$/.test(input) || Number(input) > 65_535) throw new Error('a port number; 0 takes any free one');
  return Number(input);
});
const perMinute = makeValidator((input: string) => {
  if (!/^\d{1,7}$/.test(input)) throw new Error('requests a minute; 0 turns the limit off');
  return Number(input);
});
const smtpUrl = makeValidator((input: string) => {
  if (input !== 'log:' && !(URL.canParse(input) && /^smtps?:\/\/[^/]/i.test(input))) {
    throw new Error('smtp://user:password@host:587?from=hub@example.com, smtps://… or log:');
  }
  return input;
});
const mediaStore = makeValidator((input: string) => {
  if (!/^file:./.test(input) && !(URL.canParse(input) && /^s3:\/\/[^/?#]+\/[^/?#]/.test(input))) {
    throw new Error('file:/a/folder or s3://key:secret@host:port/bucket?region=…');
  }
  return input;
});
const bytes = makeValidator((input: string) => {
  if (!/^\d{1,10}$/.test(input) || Number(input) < 1) throw new Error('a number of bytes, 1 or more');
  return Number(input);
});
const days = makeValidator((input: string) => {
  if (!/^\d{1,4}$/.test(input) || Number(input) < 8) throw new Error('a number of days, 8 or more');
  return Number(input);
});
const share = makeValidator((input: string) => {
  if (!/^(0(\.\d+)?|1(\.0+)?)$/.test(input)) throw new Error('a share from 0 to 1');
  return Number(input);
});
const list = makeValidator((input: string) =>
  input
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const networks = makeValidator((input: string) => {
  const cidrs = input
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  parseNetworks(cidrs);
  return cidrs;
});

const secretKeys = makeValidator((input: string) =>
  input
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map(toKey),
);

/**
 * Everything that is read from the environment, once, at the start of a process.
 * @throws Error that names every missing or malformed variable.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env) {
  const checked = cleanEnv(
    env,
    {
      PORT: port({ default: 3000, desc: 'the API' }),
      HOST: str({ default: '0.0.0.0', desc: 'the address both processes bind' }),
      WORKER_PORT: port({ default: 3001, desc: 'health and metrics of the worker' }),
      DATABASE_URL: url({ desc: 'PostgreSQL 13 or newer; `npm start` brings its own' }),
      MIGRATION_DATABASE_URL: url({ default: undefined, desc: "the owner's role, where it differs" }),
      DATABASE_POOL: num({ default: 10, desc: 'connections of one process' }),
      REDIS_URL: url({ default: undefined, desc: 'BullMQ on Redis; absent: BullMQ on PostgreSQL' }),
      SECRET_KEY: secretKey({ desc: 'encrypts stored credentials' }),
      SECRET_KEY_PREVIOUS: secretKeys({ default: [], desc: 'earlier or coming keys: they open, but do not seal' }),
      BOOTSTRAP_API_KEY: apiKey({ default: undefined, desc: "the first organization's admin key" }),
      PUBLIC_URL: url({ default: undefined, desc: 'how the world reaches the API' }),
      SMTP_URL: smtpUrl({ default: undefined, desc: 'mail out: smtp://user:password@host:587?from=…, or log:' }),
      TRUST_PROXY: list({
        default: [],
        desc: 'addresses or CIDRs of proxies whose X-Forwarded-* are believed',
      }),
      CORS_ORIGINS: list({ default: [], desc: 'origins whose pages may call the API; * for any, none by default' }),
      RATE_LIMIT_PER_MINUTE: perMinute({ default: 6_000, desc: 'requests of one key or person' }),
      LOGIN_RATE_LIMIT_PER_MINUTE: perMinute({ default: 60, desc: 'requests of one address to sign in' }),
      MEDIA_STORE: mediaStore({
        default: `file:${path.resolve(env['DATA_DIR'] ?? '.data', 'media')}`,
        desc: 'where uploads are kept: file:/a/folder or s3://…',
      }),
      MEDIA_MAX_BYTES: bytes({ default: 26_214_400, desc: 'the largest upload' }),
      WEBHOOK_ALLOWED_NETWORKS: networks({
        default: [],
        desc: 'CIDRs that outbound calls may reach although private',
      }),
      WEBHOOK_LOG_DAYS: days({ default: 35, desc: 'days for which deliveries and attempts are kept' }),
      OTEL_EXPORTER_OTLP_ENDPOINT: url({ default: undefined, desc: 'an OpenTelemetry collector: OTLP over HTTP' }),
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url({ default: undefined, desc: 'the same, the whole address for spans' }),
      OTEL_TRACES_SAMPLER_ARG: share({ default: 1, desc: 'the share of the traces begun here that is recorded' }),
      LOG_LEVEL: str({ default: 'info', choices: ['trace', 'debug', 'info', 'warn', 'error', 'silent'] }),
    },
    {
      reporter: ({ errors }) => {
        const bad = Object.entries(errors).map(
          ([name, error]) =>
            `  ${name} ${error instanceof EnvMissingError ? 'is missing' : 'is not right'}: ${error?.message}`,
        );
        if (bad.length > 0) throw new Error(`The environment is not complete:\n${bad.join('\n')}`);
      },
    },
  );
  return Object.freeze({ ...checked }); // envalid's own proxy refuses to be looked at by the framework
}

export type Config = ReturnType<typeof loadConfig>;

/** Injection token of the {@link Config}. */
export const CONFIG = Symbol('Config');
