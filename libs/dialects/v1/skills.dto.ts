import { CHANNEL_TYPES } from '@hub/model/channel.entity.js';
import type { Capacity, Skill } from '@hub/model/user.entity.js';
import { Json, Text, Whole } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';

const MOST = 1_000;

export class SkillPart {
  @Text({ max: 100 }) name: string;
  @Whole({ min: 1, max: 10 }) level: number;
}

export class CapacityPart {
  @Whole({ min: 1, max: MOST, optional: true, description: 'Conversations at once, in all; 10 unless set' })
  total?: number;
  @Json({ optional: true, description: 'And at most so many of each type of channel', example: { whatsapp: 3 } })
  perChannel?: Record<string, unknown>;
}

/** @throws ValidationError naming `skills` when one is there twice */
export function skillsOf(skills: readonly SkillPart[], field = 'skills'): Skill[] {
  const names = skills.map(({ name }) => name.toLowerCase());
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) throw ValidationError.of(`${field}.${twice}.name`, 'each of skills must have a name of its own');
  return skills.map(({ name, level }) => ({ name, level }));
}

/** @throws ValidationError naming the type of channel that is wrong */
export function capacityOf({ total, perChannel }: CapacityPart): Partial<Capacity> {
  for (const [type, limit] of Object.entries(perChannel ?? {})) {
    const field = `capacity.perChannel.${type}`;
    if (!(CHANNEL_TYPES as readonly string[]).includes(type)) {
      throw ValidationError.of(field, `perChannel must name types of channels: ${CHANNEL_TYPES.join(', ')}`);
    }
    if (!Number.isInteger(limit) || Number(limit) < 1 || Number(limit) > MOST) {
      throw ValidationError.of(field, `${type} must be an integer from 1 to ${MOST}`);
    }
  }
  return {
    ...(total !== undefined && { total }),
    ...(perChannel && { perChannel: perChannel as Record<string, number> }),
  };
}
