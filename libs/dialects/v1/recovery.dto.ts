import { OneOf, TextList, Timestamp } from '@hub/platform/dto.js';
import { RECOVERY_STATUSES, type RecoveryStatus } from '@hub/webhooks/recovery.types.js';
import { EVENTS } from './webhook.dto.js';

export class RecoverBody {
  @Timestamp({ description: 'From events of that time on; at most 30 days ago' }) since: string;
  @Timestamp({ optional: true, description: 'Before that time; now unless set' }) until?: string;
  @OneOf(RECOVERY_STATUSES, {
    optional: true,
    default: 'failed',
    description: 'What has failed for good, what is held, or everything, what has succeeded included',
  })
  status: RecoveryStatus = 'failed';
  @TextList({ ...EVENTS, optional: true }) events?: string[];
}
