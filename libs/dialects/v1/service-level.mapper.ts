import type {
  CreateServiceLevel,
  ServiceLevelView,
  TimerView,
  UpdateServiceLevel,
} from '@hub/assignment/service-levels/service-levels.types.js';
import type { ServiceLevelAlarmView } from '@hub/model/views.js';
import { encodeId } from '@hub/platform/ids.js';
import { conversationResource } from './conversation.mapper.js';
import { conditionsOf, publicCondition } from './rule.mapper.js';
import type { CreateServiceLevelBody, UpdateServiceLevelBody } from './service-level.dto.js';
import type { Resource } from './v1.envelope.js';

export const serviceLevelResource = ({ id, conditions, ...level }: ServiceLevelView): Resource => ({
  id: encodeId('sla', id),
  type: 'service_level',
  attributes: { ...level, conditions: conditions.map(publicCondition) },
});

export const timerResource = (timer: TimerView): Resource => ({
  id: timer.metric,
  type: 'service_level_timer',
  attributes: { ...timer, serviceLevel: { ...timer.serviceLevel, id: encodeId('sla', timer.serviceLevel.id) } },
});

/** The conversation, and beside its attributes the promise that is at risk or broken. */
export function serviceLevelAlarmResource({ serviceLevel, ...view }: ServiceLevelAlarmView): Resource {
  const conversation = conversationResource(view);
  const alarm = { ...serviceLevel, id: encodeId('sla', serviceLevel.id) };
  return { ...conversation, attributes: { ...conversation.attributes, serviceLevel: alarm } };
}

export const toCreateServiceLevel = (body: CreateServiceLevelBody): CreateServiceLevel => ({
  name: body.name,
  enabled: body.enabled ?? true,
  conditions: conditionsOf(body.conditions ?? []),
  firstResponse: body.firstResponse ?? null,
  nextResponse: body.nextResponse ?? null,
  resolution: body.resolution ?? null,
  warnBefore: body.warnBefore ?? 0,
  businessHours: hoursOf(body.businessHours ?? null),
  ...(body.position !== undefined && { position: body.position }),
});

export const toUpdateServiceLevel = (
  id: string,
  { conditions, businessHours, ...rest }: UpdateServiceLevelBody,
): UpdateServiceLevel => ({
  ...rest,
  ...(conditions && { conditions: conditionsOf(conditions) }),
  ...(businessHours !== undefined && { businessHours: hoursOf(businessHours) }),
  id,
});

const hoursOf = (
  hours: (CreateServiceLevelBody['businessHours'] & object) | null,
): CreateServiceLevel['businessHours'] => hours && { ...hours, holidays: hours.holidays ?? [] };
