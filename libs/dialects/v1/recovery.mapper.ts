import { toDate } from '@hub/platform/dto.js';
import { encodeId } from '@hub/platform/ids.js';
import type { RecoveryView, StartRecovery } from '@hub/webhooks/recovery.types.js';
import type { RecoverBody } from './recovery.dto.js';
import type { Resource } from './v1.envelope.js';

export const recoveryResource = ({ organizationId: _, id, webhookId, ...attributes }: RecoveryView): Resource => ({
  id: encodeId('rec', id),
  type: 'recovery',
  attributes: { webhookId: encodeId('wh', webhookId), ...attributes },
});

export const toStartRecovery = (webhookId: string, body: RecoverBody): StartRecovery => ({
  webhookId,
  since: toDate(body.since),
  ...(body.until !== undefined && { until: toDate(body.until) }),
  status: body.status,
  ...(body.events && { events: body.events }),
});
