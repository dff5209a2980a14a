import { jest } from '@jest/globals';
import { ValidationError } from './errors.js';
import { CountCache, EXACT_COUNT_LIMIT, MAX_OFFSET, offsetOf } from './paging.js';

describe('offsetOf', () => {
  it('counts what comes before a page, up to the limit', () => {
    expect(offsetOf({ page: 1, perPage: 20 })).toBe(0);
    expect(offsetOf({ page: 5_001, perPage: 20 })).toBe(MAX_OFFSET);
    expect(offsetOf({ page: 1_429, perPage: 70 })).toBe(99_960);
  });

  it.each([
    [20, 5_001],
    [100, 1_001],
    [70, 1_429],
  ])('refuses what lies deeper, names page and the last one of %i each', (perPage, last) => {
    const refusal = new ValidationError([
      { field: 'page', message: expect.stringContaining(`at most ${last} with ${perPage} per page`) as string },
    ]);
    try {
      offsetOf({ page: last + 1, perPage });
    } catch (error) {
      expect((error as ValidationError).details).toEqual(refusal.details);
    }
    expect(() => offsetOf({ page: last + 1, perPage })).toThrow(ValidationError);
    expect(offsetOf({ page: last, perPage })).toBeLessThanOrEqual(MAX_OFFSET);
  });
});

describe('CountCache', () => {
  const LARGE = EXACT_COUNT_LIMIT + 1;
  let total: number;
  let counted: number;
  let counts: CountCache;
  const ask = (): Promise<number> =>
    counts.total('list', () => {
      counted++;
      return Promise.resolve(total);
    });
  const after = (ms: number): void => {
    jest.setSystemTime(Date.now() + ms);
  };

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    counts = new CountCache();
    [total, counted] = [LARGE, 0];
  });
  afterEach(() => jest.useRealTimers());

  it('counts a small list every time, in one statement', async () => {
    total = EXACT_COUNT_LIMIT;
    expect([await ask(), await ask(), counted]).toEqual([EXACT_COUNT_LIMIT, EXACT_COUNT_LIMIT, 2]);
  });

  it('tells a large total for ten seconds, and then counts again', async () => {
    await ask();
    total = LARGE + 5;
    after(6_900);
    expect([await ask(), counted]).toEqual([LARGE, 1]);
    after(3_200);
    expect([await ask(), counted]).toEqual([LARGE + 5, 2]);
  });

  it('counts a large list anew before the ten seconds are over, beside the call that asks', async () => {
    await ask();
    total = LARGE + 5;
    after(8_000);
    expect([await ask(), counted]).toEqual([LARGE, 2]);
    after(8_000);
    expect(await ask()).toBe(LARGE + 5);
  });

  it('forgets a total that has become small', async () => {
    await ask();
    total = 3;
    after(8_000);
    await ask();
    await new Promise(setImmediate);
    total = 4;
    expect(await ask()).toBe(4);
  });

  it('counts a large list once for all who ask at the same time', async () => {
    expect([await Promise.all([ask(), ask(), ask()]), counted]).toEqual([[LARGE, LARGE, LARGE], 1]);
  });

  it('counts a small list for each of those who ask at the same time', async () => {
    total = 2;
    const first = ask();
    total = 3; // the second caller has just added one
    expect([await first, await ask(), counted]).toEqual([2, 3, 2]);
    const both = [ask(), ask()];
    expect([await Promise.all(both), counted]).toEqual([[3, 3], 4]);
  });

  it('lets the next one try again where counting has failed', async () => {
    await expect(counts.total('list', () => Promise.reject(new Error('no database')))).rejects.toThrow('no database');
    expect(await ask()).toBe(LARGE);
  });
});
