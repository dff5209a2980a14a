import { capabilitiesOf, type Capability } from '@hub/channels/capabilities.js';
import { canonicalEmail } from '@hub/identity/email.js';
import type { ChannelType } from '@hub/model/channel.entity.js';
import type { Recipients } from '@hub/model/message.entity.js';
import { ValidationError } from '@hub/platform/errors.js';
import { InvalidRecipientError, UnsupportedContentTypeError } from './conversations.errors.js';

/** What a channel must be able to carry for each content type; a type that is not here cannot be sent. */
const NEEDS: Record<string, Capability> = {
  text: 'text',
  image: 'image',
  document: 'document',
  audio: 'audio',
  video: 'video',
  location: 'location',
  contact: 'text',
  sticker: 'image',
  buttons: 'buttons',
  list: 'buttons',
  template: 'templates',
  html: 'text',
};
/** Types that only some channels have a form for, whatever else they can do. */
const HTML_CHANNELS: ReadonlySet<ChannelType> = new Set<ChannelType>(['email', 'webchat', 'api', 'internal']);

const MAX_AHEAD_MS = 366 * 86_400_000;

/** @throws UnsupportedContentTypeError unless a channel of this type can carry this content */
export function assertCarries(channelType: ChannelType, contentType: string): void {
  const need = NEEDS[contentType];
  const carried = need !== undefined && capabilitiesOf(channelType)[need];
  const hasForm = contentType !== 'html' || HTML_CHANNELS.has(channelType);
  if (!carried || !hasForm) throw new UnsupportedContentTypeError(contentType, channelType);
}

/** Email goes to email addresses; elsewhere a recipient is a line of text, such as a postal address. @throws InvalidRecipientError */
export function assertRecipients(channelType: ChannelType, recipients: Recipients | null | undefined): void {
  if (!recipients || channelType !== 'email') return;
  for (const list of ['to', 'cc', 'bcc'] as const) {
    const wrong = recipients[list].findIndex((address) => canonicalEmail(address) === null);
    if (wrong >= 0) throw new InvalidRecipientError(`recipients.${list}.${wrong}`, 'must be an email address');
  }
}

/** @throws ValidationError unless the time lies ahead, by a year at most */
export function assertAhead(scheduledAt: Date): void {
  const ahead = scheduledAt.getTime() - Date.now();
  if (ahead <= 0 || ahead > MAX_AHEAD_MS) {
    throw ValidationError.of('scheduledAt', 'scheduledAt must be a time in the future, at most a year ahead');
  }
}
