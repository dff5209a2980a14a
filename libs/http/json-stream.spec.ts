import { text } from 'node:stream/consumers';
import { streamArray } from './json-stream.js';

async function* some(...batches: (readonly object[] | Error)[]): AsyncGenerator<readonly object[]> {
  for (const batch of batches) {
    if (batch instanceof Error) throw batch;
    yield await Promise.resolve(batch);
  }
}

const streamed = async (...batches: (readonly object[] | Error)[]): Promise<string> =>
  text((await streamArray(some(...batches))).getStream());

describe('a streamed array', () => {
  it.each([
    [[], '[]'],
    [[[]], '[]'],
    [[[{ a: 1 }]], '[{"a":1}]'],
    [[[], [{ a: 1 }, { a: 2 }], [], [{ a: 3 }]], '[{"a":1},{"a":2},{"a":3}]'],
  ])('of %j is %s', async (batches, expected) => expect(await streamed(...batches)).toBe(expected));

  it('stands within what is around it', async () => {
    const around = { before: '{"items":', after: ',"success":true}' };
    const whole = async (...batches: (readonly object[])[]): Promise<string> =>
      text((await streamArray(some(...batches), around)).getStream());
    expect(await whole()).toBe('{"items":[],"success":true}');
    expect(await whole([{ a: 1 }], [{ a: 2 }])).toBe('{"items":[{"a":1},{"a":2}],"success":true}');
  });

  it('refuses at once what fails at once, and breaks off what fails later', async () => {
    await expect(streamArray(some(new Error('at once')))).rejects.toThrow('at once');
    await expect(streamed([{ a: 1 }], new Error('later'))).rejects.toThrow('later');
  });

  it('reads no further than its reader, and ends with it', async () => {
    const read: number[] = [];
    let ended = false;
    async function* endless(): AsyncGenerator<readonly object[]> {
      try {
        for (let i = 0; ; i++) {
          read.push(i);
          yield await Promise.resolve([{ i }]);
        }
      } finally {
        ended = true;
      }
    }
    const stream = (await streamArray(endless())).getStream();
    for await (const chunk of stream) {
      if (String(chunk).includes('3')) break;
    }
    expect(ended).toBe(true);
    expect(read.length).toBeLessThan(10);
  });
});
