import { OneOf, Text, Whole } from '@hub/platform/dto.js';

export class ListInput {
  @Whole({ min: 1, max: 100, optional: true, default: 50, description: 'Number of elements per page' }) per = 50;
  @OneOf(['asc', 'desc'], { optional: true, description: 'By id; asc, or the direction that `from` belongs to' })
  sort_direction?: 'asc' | 'desc';
}

export class CreateInput {
  @OneOf(['whatsapp'], { description: 'Over which kind of channel' }) provider: 'whatsapp';
  @Text({
    pattern: /^ ?\+?\d{7,15}$/, // an unescaped + of a form is a space
    hint: 'a phone number with its country code, such as 79250000001',
    example: '79250000001',
    description: 'With its country code; digits only, a leading + does no harm',
  })
  phone: string;
}

export class AssignInput {
  @Whole({ min: 1, optional: true, description: 'Of a user or bot. Absent, empty or null: nobody', example: 42 })
  assignee_id?: number;
}
