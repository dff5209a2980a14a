import { createHash } from 'node:crypto';
import type { ChannelType } from '@hub/model/channel.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { ValidationError, type FieldProblem } from '@hub/platform/errors.js';
import type { SecretBox } from '@hub/platform/secret-box.js';

/** Types that callers may create; `internal` is the organization's own and comes by itself. */
export type ConfigurableType = Exclude<ChannelType, 'internal'>;

type Shape = 'text' | 'secret' | 'port' | 'flag' | 'origins' | 'object' | 'url' | 'email';
interface Key {
  readonly shape: Shape;
  readonly required: boolean;
}

const need = (shape: Shape): Key => ({ shape, required: true });
const may = (shape: Shape): Key => ({ shape, required: false });

/** What each channel type is configured with. */
const KEYS: Record<ConfigurableType, Record<string, Key>> = {
  whatsapp: {
    phoneNumberId: need('text'),
    accessToken: need('secret'),
    businessAccountId: may('text'),
    verifyToken: may('secret'),
    appSecret: may('secret'),
  },
  facebook: {
    pageId: need('text'),
    pageAccessToken: need('secret'),
    appSecret: may('secret'),
    verifyToken: may('secret'),
  },
  instagram: {
    accountId: need('text'),
    accessToken: need('secret'),
    appSecret: may('secret'),
    verifyToken: may('secret'),
  },
  telegram: { botToken: need('secret') },
  sms: {
    provider: may('text'),
    accountSid: need('text'),
    authToken: need('secret'),
    phoneNumber: need('text'),
  },
  email: {
    provider: may('text'),
    smtpHost: may('text'),
    smtpPort: may('port'),
    smtpUser: may('text'),
    smtpPassword: may('secret'),
    imapHost: may('text'),
    imapPort: may('port'),
    imapUser: may('text'),
    imapPassword: may('secret'),
    fromName: may('text'),
    fromEmail: may('email'),
  },
  webchat: {
    allowedOrigins: may('origins'),
    theme: may('object'),
    requireEmail: may('flag'),
    showBranding: may('flag'),
  },
  api: { webhookUrl: may('url') },
};

export const CONFIGURABLE_TYPES = Object.keys(KEYS) as ConfigurableType[];
const MASK = '********';

/**
 * The configuration to store: checked against the type's keys, its secrets sealed. Never calls the provider.
 * @param previous what is stored already: absent keys keep their value, as does a secret sent back masked
 * @throws ValidationError naming `config.<key>`
 */
export function sealConfig(
  type: ConfigurableType,
  given: JsonObject,
  previous: JsonObject,
  box: SecretBox,
): JsonObject {
  const keys = KEYS[type];
  const problems: FieldProblem[] = [];
  const merged: JsonObject = { ...previous };
  for (const [name, value] of Object.entries(given)) {
    const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
    const field = `config.${name}`;
    if (!key) problems.push({ field, message: `${name} is not a setting of a ${type} channel` });
    else if (value === null) delete merged[name];
    else if (!fits(key.shape, value)) problems.push({ field, message: `${name} must be ${WORDS[key.shape]}` });
    else if (key.shape !== 'secret') merged[name] = value;
    else if (value !== MASK) merged[name] = box.seal(value as string);
  }
  const wrong = new Set(problems.map(({ field }) => field));
  problems.push(...configProblems(type, merged).filter(({ field }) => !wrong.has(field)));
  if (problems.length > 0) throw new ValidationError(problems);
  return merged;
}

/** What a stored configuration lacks. */
export const configProblems = (type: ChannelType, config: JsonObject): FieldProblem[] =>
  Object.entries(keysOf(type))
    .filter(([name, { required }]) => required && config[name] === undefined)
    .map(([name]) => ({ field: `config.${name}`, message: `${name} is required for a ${type} channel` }));

export const isSecret = (type: ChannelType, name: string): boolean => keysOf(type)[name]?.shape === 'secret';

const keysOf = (type: ChannelType): Record<string, Key> => (type === 'internal' ? {} : KEYS[type]);

/** The setting that says which account of the provider a channel is, where there are accounts. */
export const ACCOUNT_KEYS: Readonly<Partial<Record<ChannelType, string>>> = {
  whatsapp: 'phoneNumberId',
  facebook: 'pageId',
  instagram: 'accountId',
  telegram: 'botToken',
  sms: 'phoneNumber',
  email: 'fromEmail',
};

/**
 * Which account of the provider a stored configuration is of, or null. A Telegram bot keeps the number in front of its
 * token when it gets a new one; a token without one is known by its digest.
 */
export function accountOf(type: ChannelType, config: JsonObject, box: SecretBox): string | null {
  const value = config[ACCOUNT_KEYS[type] ?? ''];
  if (typeof value !== 'string') return null;
  if (type === 'email') return value.toLowerCase();
  if (type === 'sms') return value.replace(/[\s().-]/g, '').toLowerCase();
  if (type !== 'telegram') return value;
  const token = box.open(value);
  return /^(\d{1,20}):/.exec(token)?.[1] ?? createHash('sha256').update(`telegram ${token}`).digest('base64url');
}

/** The configuration as it may be shown: secrets as `********`. */
export function maskConfig(type: ChannelType, stored: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, isSecret(type, name) ? MASK : value]));
}

const WORDS: Record<Shape, string> = {
  text: 'a non-empty text of at most 2,048 characters',
  secret: 'a non-empty text of at most 2,048 characters',
  port: 'a port number',
  flag: 'true or false',
  origins: 'a list of at most 100 origins such as https://example.com, or *',
  object: 'an object',
  url: 'an http or https URL of at most 2,048 characters',
  email: 'an email address',
};

function fits(shape: Shape, value: unknown): boolean {
  const isText = (one: unknown): boolean => typeof one === 'string' && one.length > 0 && one.length <= 2_048;
  if (shape === 'flag') return typeof value === 'boolean';
  if (shape === 'port') return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
  if (shape === 'origins') return Array.isArray(value) && value.length <= 100 && value.every(isOrigin);
  if (shape === 'object') return typeof value === 'object' && !Array.isArray(value);
  if (shape === 'url') return isText(value) && isWebUrl(value as string);
  if (shape === 'email') return isText(value) && /^[^\s@<>]{1,64}@[^\s@<>]+\.[^\s@<>]+$/.test(value as string);
  return isText(value);
}

const isWebUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

const isOrigin = (value: unknown): boolean =>
  value === '*' || (typeof value === 'string' && isWebUrl(value) && new URL(value).origin === value.toLowerCase());
