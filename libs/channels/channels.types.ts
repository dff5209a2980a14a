import type { JsonObject } from '@hub/model/tenant-row.js';
import type { ConfigurableType } from './channel-config.js';

export interface CreateChannel {
  readonly name: string;
  readonly type: ConfigurableType;
  readonly config: JsonObject;
  readonly defaultBotId: string | null;
  readonly reopenWindowSeconds?: number;
  readonly metadata: JsonObject;
}

/** Absent fields stay as they are; metadata and config are merged. */
export interface UpdateChannel {
  readonly id: string;
  readonly name?: string;
  readonly config?: JsonObject;
  readonly defaultBotId?: string | null;
  readonly reopenWindowSeconds?: number;
  readonly metadata?: JsonObject;
}
