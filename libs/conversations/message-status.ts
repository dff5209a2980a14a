import type { MessageStatus } from '@hub/model/message.entity.js';

const ORDER: readonly MessageStatus[] = ['pending', 'sent', 'delivered', 'read'];

/** Whether a receipt moves a message on: ahead only, and into failure only from where it has not arrived. */
export function movesOn(from: MessageStatus, to: MessageStatus): boolean {
  if (from === 'failed') return false;
  if (to === 'failed') return from === 'pending' || from === 'sent';
  return ORDER.indexOf(to) > ORDER.indexOf(from);
}

/** The times of a message, as its row has them. */
export interface StatusTimes {
  readonly createdAt: Date;
  readonly sentAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly readAt: Date | null;
  readonly failedAt: Date | null;
}

/** What has become of an outbound message and when, in order. */
export function statusHistory(times: StatusTimes): { status: MessageStatus; timestamp: Date }[] {
  const steps: [MessageStatus, Date | null][] = [
    ['pending', times.createdAt],
    ['sent', times.sentAt],
    ['delivered', times.deliveredAt],
    ['read', times.readAt],
    ['failed', times.failedAt],
  ];
  return steps.flatMap(([status, timestamp]) => (timestamp ? [{ status, timestamp }] : []));
}
