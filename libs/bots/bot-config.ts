import type { JsonObject } from '@hub/model/tenant-row.js';
import { ValidationError, type FieldProblem } from '@hub/platform/errors.js';
import type { SecretBox } from '@hub/platform/secret-box.js';

const MASK = '********';
const SECRETS = new Set(['secret', 'apiKey']);

/** What each setting must be; settings of the model's own making are refused, so that a misspelling shows. */
const CHECKS: Record<string, { readonly fits: (value: unknown) => boolean; readonly hint: string }> = {
  url: { fits: isHttpUrl, hint: 'an http or https URL' },
  secret: { fits: isText, hint: 'a non-empty text' },
  apiKey: { fits: isText, hint: 'a non-empty text' },
  baseUrl: { fits: isHttpUrl, hint: 'an http or https URL' },
  systemPrompt: { fits: (value) => typeof value === 'string' && value.length <= 32_768, hint: 'a text' },
  temperature: between(0, 2),
  topP: between(0, 1),
  frequencyPenalty: between(-2, 2),
  presencePenalty: between(-2, 2),
  maxTokens: { fits: (value) => Number.isInteger(value) && Number(value) > 0, hint: 'a positive whole number' },
};

/**
 * A bot's configuration as it is stored: checked, merged over the previous one, its secrets sealed.
 * @throws ValidationError naming `config.<key>`
 */
export function sealBotConfig(given: JsonObject, previous: JsonObject, box: SecretBox): JsonObject {
  const problems: FieldProblem[] = [];
  const merged: JsonObject = { ...previous };
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
    if (!check) problems.push({ field: `config.${name}`, message: `${name} is not a setting of a bot` });
    else if (value === null) delete merged[name];
    else if (!check.fits(value)) problems.push({ field: `config.${name}`, message: `${name} must be ${check.hint}` });
    else if (!SECRETS.has(name)) merged[name] = value;
    else if (value !== MASK) merged[name] = box.seal(value as string);
  }
  if (problems.length > 0) throw new ValidationError(problems);
  return merged;
}

/** The configuration as it may be shown. */
export const maskBotConfig = (stored: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, SECRETS.has(name) ? MASK : value]));

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= 2_048;
}

function isHttpUrl(value: unknown): boolean {
  return isText(value) && URL.canParse(value as string) && /^https?:$/.test(new URL(value as string).protocol);
}

function between(min: number, max: number) {
  const fits = (value: unknown): boolean => typeof value === 'number' && value >= min && value <= max;
  return { fits, hint: `a number from ${min} to ${max}` };
}
