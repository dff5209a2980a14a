import { Gate } from './gate.js';

describe('a gate', () => {
  it('runs a few, keeps some waiting, refuses the rest, and recovers from failures', async () => {
    const gate = new Gate(2, 3, 'busy');
    let running = 0;
    let most = 0;
    const work = async (): Promise<string> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      if (Math.random() < 0.5) throw new Error('the work itself');
      return 'done';
    };
    for (let round = 0; round < 5; round++) {
      const all = await Promise.allSettled(Array.from({ length: 10 }, () => gate.run(work)));
      const refused = all.filter((one) => one.status === 'rejected' && (one.reason as { code?: string }).code);
      expect(refused.length).toBe(5);
    }
    expect([most, running]).toEqual([2, 0]);
  });
});
