import { Text } from '@hub/platform/dto.js';

export class SendMessageBody {
  @Text({ max: 65_536, description: 'What is said', example: 'Example text!' }) content: string;
}
