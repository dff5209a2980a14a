import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * An answer that is one JSON array, written batch by batch as fast as the caller reads: only one batch is held.
 * A later failure breaks the connection off, so that nobody takes a part for the whole.
 * @throws what the first batch throws, before anything is sent
 */
export async function streamArray(batches: AsyncIterable<readonly object[]>): Promise<StreamableFile> {
  const iterator = batches[Symbol.asyncIterator]();
  const first = await iterator.next();
  return new StreamableFile(Readable.from(written(first, iterator)), { type: JSON_TYPE });
}

async function* written(
  first: IteratorResult<readonly object[]>,
  iterator: AsyncIterator<readonly object[]>,
): AsyncGenerator<string> {
  let before = '[';
  try {
    for (let batch = first; !batch.done; batch = await iterator.next()) {
      if (batch.value.length === 0) continue;
      yield before + batch.value.map((item) => JSON.stringify(item)).join(',');
      before = ',';
    }
    yield before === '[' ? '[]' : ']';
  } finally {
    await iterator.return?.(); // the caller may have gone
  }
}
