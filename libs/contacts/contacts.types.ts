import type { JsonObject } from '@hub/model/tenant-row.js';
import type { ChannelType } from '@hub/model/channel.entity.js';

export interface CreateContact {
  readonly name: string | null;
  readonly email: string | null;
  /** E.164. */
  readonly phone: string | null;
  readonly avatar: string | null;
  readonly externalId: string | null;
  readonly metadata: JsonObject;
  readonly tags: readonly string[];
}

/** Absent fields stay as they are. Metadata is merged, tags are replaced. */
export interface UpdateContact extends Partial<CreateContact> {
  readonly id: string;
}

/** A person as a channel, or a caller who opens a conversation, names them. */
export interface ContactHint {
  readonly name: string | null;
  readonly email: string | null;
  /** E.164. */
  readonly phone: string | null;
  /** The id by which the channel knows them, if it does. */
  readonly identity: {
    readonly channelId: string;
    readonly channelType: ChannelType;
    readonly identifier: string;
  } | null;
}
