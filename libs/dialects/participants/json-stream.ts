import { Readable } from 'node:stream';
import type { TranscriptLine } from '@hub/conversations/transcripts.queries.js';
import { messageOf, type Framed } from './conversation.mapper.js';

type Batches = AsyncIterable<readonly TranscriptLine[]>;
type Texts = AsyncGenerator<string, void>;

/**
 * An answer that is written while it is read. The first part is there before it begins: what goes wrong until then is
 * still told as a failure, what goes wrong later breaks the connection off.
 */
export async function answerOf(texts: Texts): Promise<Readable> {
  const first = await texts.next();
  async function* all(): Texts {
    yield first.value ?? '';
    yield* texts;
  }
  return Readable.from(all(), { objectMode: false });
}

/** Conversations as a JSON array, each with its messages, which come in the order of the conversations. */
export async function* conversationsJson(conversations: readonly Framed[], batches: Batches): Texts {
  yield* framed('[', conversations, batches, ']');
}

/** One conversation as a JSON object. */
export async function* conversationJson(conversation: Framed, batches: Batches): Texts {
  yield* framed('', [conversation], batches, '');
}

/** Messages as a JSON array. */
export async function* messagesJson(batches: Batches): Texts {
  let text = '[';
  for await (const lines of batches) {
    yield text + lines.map(written).join(',');
    text = ',';
  }
  yield text === '[' ? '[]' : ']';
}

async function* framed(open: string, conversations: readonly Framed[], batches: Batches, close: string): Texts {
  const frames = conversations.map(frameOf);
  let at = 0;
  let isFirst = true;
  let text = open + (frames[0]?.before ?? '');
  const next = (): void => {
    const following = frames[at + 1];
    text += (frames[at]?.after ?? '') + (following ? `,${following.before}` : '');
    at++;
    isFirst = true;
  };
  for await (const lines of batches) {
    for (const line of lines) {
      while (at < frames.length && frames[at]?.id !== line.conversationId) next();
      text += (isFirst ? '' : ',') + written(line);
      isFirst = false;
    }
    yield text;
    text = '';
  }
  while (at < frames.length) next();
  yield text + close;
}

const written = (line: TranscriptLine): string => JSON.stringify(messageOf(line));

const frameOf = ({ id, before, after }: Framed): { id: string; before: string; after: string } => ({
  id,
  before: `${JSON.stringify(before).slice(0, -1)},"messages":[`,
  after: `],${JSON.stringify(after).slice(1)}`,
});
