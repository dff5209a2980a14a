import { EXTRACTION_STATUSES } from '@hub/model/attachment.entity.js';

const text = { type: 'string' };
const flag = { type: 'boolean' };
const id = { type: 'integer', minimum: 1 };
const time = { ...text, format: 'date-time' };
const uri = { ...text, format: 'uri' };
const pixels = { type: 'integer', description: 'Of images, in pixels' };
const free = { type: 'object', additionalProperties: true };
const nullable = (type: string, description: string): object => ({ type: [type, 'null'], description });
const texts = (description: string): object => ({ type: 'array', items: text, description });
const object = (properties: Record<string, object>, optional: readonly string[] = []): object => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
});

/** What this contract answers. What is `optional` is left out where there is none, and never null. */
export const ENNEO_SCHEMAS = {
  Conversation: object(
    {
      id,
      ticketId: id,
      type: { ...text, description: '`html`, `text`, or what else the message is: `image`, `location` …; `deleted`' },
      direction: { ...text, enum: ['in', 'out'] },
      private: { ...flag, description: 'An internal note' },
      isDraft: { ...flag, description: 'Needs the approval of a supervisor before it is sent' },
      fromEmail: { ...text, deprecated: true },
      fromEmailName: { ...text, deprecated: true },
      agentId: { ...id, deprecated: true },
      sender: object({ id, name: text, email: text, subchannelId: nullable('integer', 'Always null') }, [
        'id',
        'email',
      ]),
      toEmail: texts('Only for email'),
      to: texts('Addresses of email, or postal ones; else what the contact is called by on the channel'),
      ccEmails: texts('Only for email'),
      bccEmails: texts('Only for email'),
      channelId: nullable('string', 'Of email the message’s id at its mail server; else the chat’s id'),
      content: object({ message: text }),
      intentIds: texts('`intentIds` of the message’s metadata'),
      cortexRequestId: nullable('integer', '`cortexRequestId` of the message’s metadata'),
      externalConversationId: nullable(
        'string',
        '`externalConversationId` of the metadata, else the id of the provider',
      ),
      isRead: { ...flag, description: 'By the staff' },
      attachments: { type: 'array', items: { $ref: '#/components/schemas/Attachment' } },
      interface: { type: 'object', description: 'Always empty' },
      createdAt: time,
      modifiedAt: time,
      rawData: { ...free, description: 'What it was made from, if that was kept; with `includeRawData` only' },
    },
    ['fromEmail', 'fromEmailName', 'agentId', 'toEmail', 'ccEmails', 'bccEmails', 'rawData'],
  ),
  Attachment: object(
    {
      id,
      url: { ...uri, description: 'Opens the file for an hour; of what is kept elsewhere its own address' },
      name: text,
      size: { type: 'integer', description: 'In bytes' },
      width: pixels,
      height: pixels,
      inline: flag,
      fileEnding: text,
      contentType: text,
      originalUrl: uri,
      extractedData: free,
      extractionStatus: { ...text, enum: [...EXTRACTION_STATUSES] },
      extractionData: free,
    },
    ['url', 'size', 'width', 'height', 'fileEnding', 'originalUrl', 'extractedData', 'extractionData'],
  ),
  Conversations: object({
    conversations: { type: 'array', items: { $ref: '#/components/schemas/Conversation' } },
    success: { const: true },
  }),
  Error: object({
    error: { ...text, description: 'To be shown to the user' },
    details: { ...text, description: 'For the developer; empty of what nobody has foreseen' },
    txId: { ...text, description: 'The id of the request, as in `X-Request-ID`' },
  }),
};
