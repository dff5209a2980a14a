import fc from 'fast-check';
import type { MessageStatus } from '@hub/model/message.entity.js';
import { movesOn, statusHistory } from './message-status.js';

const STATUSES: MessageStatus[] = ['pending', 'sent', 'delivered', 'read', 'failed'];
const follow = (receipts: readonly MessageStatus[]): MessageStatus =>
  receipts.reduce((now, next) => (movesOn(now, next) ? next : now), 'pending' as MessageStatus);

describe('the status of a message', () => {
  it('ends where the furthest receipt says, in whatever order those without a failure come', () => {
    const order = STATUSES.slice(0, 4);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...order)), (receipts) => {
        const furthest = Math.max(0, ...receipts.map((status) => order.indexOf(status)));
        expect(follow(receipts)).toBe(order[furthest]);
      }),
    );
  });

  it('never leaves a failure, and never fails what has arrived', () => {
    for (const status of STATUSES) {
      expect(movesOn('failed', status)).toBe(false);
      expect(movesOn(status, status)).toBe(false);
    }
    expect([movesOn('delivered', 'failed'), movesOn('read', 'failed')]).toEqual([false, false]);
    expect([movesOn('pending', 'failed'), movesOn('sent', 'failed')]).toEqual([true, true]);
  });

  it('tells its history from its times', () => {
    const at = (s: number): Date => new Date(s * 1000);
    const none = { createdAt: at(1), sentAt: null, deliveredAt: null, readAt: null, failedAt: null };
    expect(statusHistory(none)).toEqual([{ status: 'pending', timestamp: at(1) }]);
    expect(statusHistory({ ...none, sentAt: at(2), readAt: at(3) }).map(({ status }) => status)).toEqual([
      'pending',
      'sent',
      'read',
    ]);
  });
});
