import type { MessageContent } from '@hub/model/message.entity.js';

/** What there is to search in a message: its words. */
export function searchableText(content: MessageContent): string | null {
  const words = [content['text'], content['caption'], content['name'], content['filename']];
  return words.filter((word) => typeof word === 'string').join(' ') || null;
}
