import { Param, Post } from '@nestjs/common';
import { ReceiptsService } from '@hub/conversations/receipts.service.js';
import { CurrentActor, WireBody } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { decodeId } from '@hub/platform/ids.js';
import { ReceiptBody } from './message.dto.js';
import { messageResource, occurredAtOf } from './message.mapper.js';
import { one, type Envelope } from './v1.envelope.js';
import { idOf } from './v1.ids.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('channels/:id/messages', 'Channels')
export class ChannelMessagesController {
  constructor(private readonly receipts: ReceiptsService) {}

  @Post(':externalId/status')
  @Operation({
    scope: 'messages:write',
    summary: 'Tell what has become of a message sent by an api channel',
    description:
      'By our id of the message (`msg_…`) or your own. Statuses only go ahead, failed is the end: a late or repeated one ' +
      'changes nothing and sends no event.',
    body: ReceiptBody,
    one: 'Message',
    errors: ['CHANNEL_NOT_FOUND', 'MESSAGE_NOT_FOUND', 'INVALID_CHANNEL_TYPE'],
  })
  async status(
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Param('externalId') externalId: string,
    @WireBody(ReceiptBody) body: ReceiptBody,
  ): Promise<Envelope> {
    const own = decodeId('msg', externalId);
    const message = await this.receipts.receipt(actor, {
      channelId: idOf('ch', id),
      channelType: 'api',
      message: own ? { id: own } : { externalId },
      status: body.status,
      error: body.error ?? null,
      at: occurredAtOf(body.timestamp, 'timestamp'),
    });
    return one(messageResource(message));
  }
}
