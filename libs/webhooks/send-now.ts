import { Injectable } from '@nestjs/common';
import type { Claim } from './claims.js';
import { Sender, type AttemptResult } from './sender.js';
import { Settlement } from './settlement.js';
import { shownStatus, type ShownDeliveryStatus } from './webhooks.types.js';

/** Sends a claimed delivery in this process and writes down what came of it. */
@Injectable()
export class SendNow {
  constructor(
    private readonly sender: Sender,
    private readonly settlement: Settlement,
  ) {}

  async send(claim: Claim): Promise<{ result: AttemptResult; status: ShownDeliveryStatus }> {
    const result = await this.sender.send(claim);
    const { settled } = await this.settlement.settleNow([result]);
    const fallback = result.verdict.kind === 'succeeded' ? 'succeeded' : (claim.resumeStatus ?? 'pending');
    return { result, status: shownStatus(settled[0]?.status ?? fallback) };
  }
}
