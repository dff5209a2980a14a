import type { ChannelType } from '@hub/model/channel.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';
import { ValidationError, type FieldProblem } from '@hub/platform/errors.js';
import type { SecretBox } from '@hub/platform/secret-box.js';

/** Types that callers may create; `internal` is the organization's own and comes by itself. */
export type ConfigurableType = Exclude<ChannelType, 'internal'>;

type Shape = 'text' | 'secret' | 'port' | 'flag' | 'texts' | 'object';
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
    fromEmail: may('text'),
  },
  webchat: {
    allowedOrigins: may('texts'),
    theme: may('object'),
    requireEmail: may('flag'),
    showBranding: may('flag'),
  },
  api: { webhookUrl: may('text') },
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
  for (const [name, key] of Object.entries(keys)) {
    if (key.required && merged[name] === undefined && !problems.some((p) => p.field === `config.${name}`)) {
      problems.push({ field: `config.${name}`, message: `${name} is required for a ${type} channel` });
    }
  }
  if (problems.length > 0) throw new ValidationError(problems);
  return merged;
}

/** The configuration as it may be shown: secrets as `********`. */
export function maskConfig(type: ChannelType, stored: JsonObject): JsonObject {
  const keys = type === 'internal' ? {} : KEYS[type];
  return Object.fromEntries(
    Object.entries(stored).map(([name, value]) => [name, keys[name]?.shape === 'secret' ? MASK : value]),
  );
}

const WORDS: Record<Shape, string> = {
  text: 'a non-empty text of at most 2,048 characters',
  secret: 'a non-empty text of at most 2,048 characters',
  port: 'a port number',
  flag: 'true or false',
  texts: 'a list of texts',
  object: 'an object',
};

function fits(shape: Shape, value: unknown): boolean {
  const isText = (one: unknown): boolean => typeof one === 'string' && one.length > 0 && one.length <= 2_048;
  if (shape === 'flag') return typeof value === 'boolean';
  if (shape === 'port') return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
  if (shape === 'texts') return Array.isArray(value) && value.length <= 100 && value.every(isText);
  if (shape === 'object') return typeof value === 'object' && !Array.isArray(value);
  return isText(value);
}
