import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';

const JSON_TYPE = 'application/json; charset=utf-8';

/** What stands around the array, as JSON text. */
export interface Around {
  readonly before: string;
  readonly after: string;
}

/**
 * An answer that is one JSON array, written batch by batch as fast as the caller reads: only one batch is held.
 * A later failure breaks the connection off, so that nobody takes a part for the whole.
 * @throws what the first batch throws, before anything is sent
 */
export async function streamArray(
  batches: AsyncIterable<readonly object[]>,
  around: Around = { before: '', after: '' },
): Promise<StreamableFile> {
  const iterator = batches[Symbol.asyncIterator]();
  const first = await iterator.next();
  return new StreamableFile(Readable.from(written(first, iterator, around)), { type: JSON_TYPE });
}

async function* written(
  first: IteratorResult<readonly object[]>,
  iterator: AsyncIterator<readonly object[]>,
  { before, after }: Around,
): AsyncGenerator<string> {
  let mark = `${before}[`;
  try {
    for (let batch = first; !batch.done; batch = await iterator.next()) {
      if (batch.value.length === 0) continue;
      yield mark + batch.value.map((item) => JSON.stringify(item)).join(',');
      mark = ',';
    }
    yield `${mark === ',' ? '' : mark}]${after}`;
  } finally {
    await iterator.return?.(); // the caller may have gone
  }
}
