import { parsePhoneNumberFromString } from 'libphonenumber-js';

/** The number in E.164 (`+5511999999999`), or null when the text is not a possible international number. */
export function toE164(text: string): string | null {
  const number = parsePhoneNumberFromString(text.trim());
  return number?.isPossible() ? number.number : null;
}
