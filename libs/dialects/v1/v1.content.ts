import type { MessageContent } from '@hub/model/message.entity.js';
import {
  Json,
  JsonList,
  Nested,
  NestedList,
  Numeric,
  OneOf,
  parse,
  schemaOf,
  Text,
  TextList,
} from '@hub/platform/dto.js';
import type { Constructor, Schema } from '@hub/platform/dto.js';
import { ValidationError } from '@hub/platform/errors.js';

const MAX_TEXT = 65_536;
const HTTP_URL = { max: 2_048, pattern: /^https?:\/\/[^\s]+$/i, hint: 'an http or https URL' };

class QuickReply {
  @Text({ max: 256 }) id: string;
  @Text() title: string;
}
class TextContent {
  @Text({ max: MAX_TEXT }) text: string;
  @NestedList(() => QuickReply, { optional: true, maxItems: 13 }) quickReplies?: QuickReply[];
}
class CaptionedContent {
  @Text(HTTP_URL) url: string;
  @Text({ max: 4_096, optional: true }) caption?: string;
}
class DocumentContent extends CaptionedContent {
  @Text() filename: string;
}
class LinkContent {
  @Text(HTTP_URL) url: string;
}
class LocationContent {
  @Numeric({ min: -90, max: 90 }) latitude: number;
  @Numeric({ min: -180, max: 180 }) longitude: number;
  @Text({ optional: true }) name?: string;
  @Text({ max: 1_024, optional: true }) address?: string;
}
class ContactContent {
  @Text() name: string;
  @TextList({ optional: true, maxItems: 10 }) phones?: string[];
  @TextList({ optional: true, maxItems: 10, max: 320 }) emails?: string[];
}
class Button {
  @OneOf(['reply', 'url', 'call']) type: string;
  @Text({ max: 256 }) id: string;
  @Text() title: string;
  @Text({ ...HTTP_URL, optional: true, description: 'Needed where type is url' }) url?: string;
}
class ButtonsContent {
  @Text({ max: MAX_TEXT }) text: string;
  @NestedList(() => Button, { maxItems: 10 }) buttons: Button[];
}
class Row {
  @Text({ max: 256 }) id: string;
  @Text() title: string;
  @Text({ max: 1_024, optional: true }) description?: string;
}
class Section {
  @Text({ optional: true }) title?: string;
  @NestedList(() => Row, { maxItems: 50 }) rows: Row[];
}
class ListContent {
  @Text({ max: MAX_TEXT }) text: string;
  @Text() button: string;
  @NestedList(() => Section, { maxItems: 10 }) sections: Section[];
}
class Template {
  @Text() name: string;
  @Text({ max: 20 }) language: string;
  @JsonList({ optional: true }) components?: object[];
}
class TemplateContent {
  @Nested(() => Template) template: Template;
}
class HtmlContent {
  @Text({ max: 512_000 }) html: string;
  @Text({ max: MAX_TEXT, optional: true }) text?: string;
}

const TYPES: Record<string, Constructor> = {
  text: TextContent,
  image: CaptionedContent,
  video: CaptionedContent,
  document: DocumentContent,
  audio: LinkContent,
  sticker: LinkContent,
  location: LocationContent,
  contact: ContactContent,
  buttons: ButtonsContent,
  list: ListContent,
  template: TemplateContent,
  html: HtmlContent,
};

export const CONTENT_TYPES: readonly string[] = Object.keys(TYPES);

export class ContentEnvelope {
  @OneOf(CONTENT_TYPES, { optional: true, default: 'text' }) type?: string;
}

/** What a body's `content` is, before its type is known. */
export class WithContent {
  @Json({ description: 'Its `type` and what that type needs: see the schema MessageContent' }) content: Record<
    string,
    unknown
  >;
}

/** Message content, checked by its `type` (`text` when there is none). @throws ValidationError naming `content.…` */
export function parseContent(content: Record<string, unknown>): MessageContent {
  try {
    const { type = 'text' } = parse(ContentEnvelope, content);
    const fields = parse(TYPES[type] ?? TextContent, content);
    if (type === 'buttons') requireLinks(fields as ButtonsContent);
    return { type, ...fields };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(error.details.map((problem) => ({ ...problem, field: `content.${problem.field}` })));
  }
}

/** @throws ValidationError where a button opens a page and names none */
function requireLinks({ buttons }: ButtonsContent): void {
  const at = buttons.findIndex(({ type, url }) => type === 'url' && url === undefined);
  if (at >= 0) throw ValidationError.of(`buttons.${at}.url`, 'url is required of a button of type url');
}

/** What is left of a deleted message; nothing that can be sent. */
class DeletedContent {}

/** The schema of message content: one alternative for each type. */
export const contentSchema: Schema = {
  oneOf: Object.entries({ ...TYPES, deleted: DeletedContent }).map(([type, fields]) => {
    const { properties, required = [] } = schemaOf(fields) as { properties: Schema; required?: string[] };
    return {
      type: 'object',
      title: type,
      properties: { type: { type: 'string', const: type }, ...properties },
      required: ['type', ...required],
    };
  }),
};
