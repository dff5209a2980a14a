import type { BotProvider } from '@hub/model/bot.entity.js';
import type { JsonObject } from '@hub/model/tenant-row.js';

export interface CreateBot {
  readonly name: string;
  readonly description: string | null;
  readonly provider: BotProvider;
  readonly model: string | null;
  readonly config: JsonObject;
  readonly channelIds: readonly string[];
}

/** Absent fields stay as they are; config is merged, channels are replaced. */
export interface UpdateBot extends Partial<CreateBot> {
  readonly id: string;
}
