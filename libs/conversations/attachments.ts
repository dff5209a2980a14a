import type { Author } from '@hub/events/outbox.js';
import type { MediaKind } from '@hub/model/attachment.entity.js';
import type { Tx } from '@hub/model/database.js';
import type { AttachmentView } from '@hub/model/views.js';
import { NotFoundError, ValidationError } from '@hub/platform/errors.js';
import { newId } from '@hub/platform/ids.js';

/** A file that stays where it is: only its address is kept. */
export interface FileElsewhere {
  readonly url: string;
  readonly name: string;
  readonly contentType: string;
  /** In bytes. */
  readonly size: number | null;
}

const COLUMNS = `id, number, kind, name, content_type AS "contentType", size, width, height, inline,
  storage_key IS NOT NULL AS stored, original_url AS "originalUrl", extraction_status AS "extractionStatus",
  extracted_data AS "extractedData", extraction_data AS "extractionData"`;

/** What a message is to carry: an upload by its id, or a file that stays where it is. */
export type NewAttachment = string | FileElsewhere;

/**
 * What a message is to carry, locked for it: {@link linkAttachments} makes it the message's. A file belongs to one
 * message; an upload that nothing has carried for a day is forgotten; a contact can only send what it has uploaded itself.
 * @throws NotFoundError or ValidationError naming `attachments.<n>`
 */
export async function takeAttachments(
  tx: Tx,
  author: Author,
  attachments: readonly NewAttachment[] = [],
): Promise<AttachmentView[]> {
  if (attachments.length === 0) return [];
  const uploads = await takeUploads(tx, author, attachments);
  const files = attachments.filter((one): one is FileElsewhere => typeof one !== 'string');
  return [...uploads, ...(await keepElsewhere(tx, author, files))].sort((one, other) => one.number - other.number);
}

async function takeUploads(
  tx: Tx,
  { organizationId, principal }: Author,
  attachments: readonly NewAttachment[],
): Promise<AttachmentView[]> {
  const rows = await tx.query<(AttachmentView & { taken: boolean })[]>(
    `SELECT ${COLUMNS}, message_id IS NOT NULL AS taken FROM attachment
     WHERE organization_id = $1 AND id = ANY ($2::uuid[])
       AND (message_id IS NOT NULL OR created_at > now() - interval '1 day')
       AND ($3::text IS NULL OR created_by->>'id' = $3) ORDER BY id FOR UPDATE`,
    [
      organizationId,
      attachments.filter((one) => typeof one === 'string'),
      principal.type === 'contact' ? principal.id : null,
    ],
  );
  const found = new Map(rows.map((row) => [row.id, row]));
  for (const [n, id] of attachments.entries()) {
    if (typeof id !== 'string') continue;
    const field = `attachments.${n}`;
    const file = found.get(id);
    if (!file) throw new NotFoundError('RESOURCE_NOT_FOUND', 'File does not exist', field);
    if (file.taken) throw ValidationError.of(field, 'another message carries this file already: upload it again');
  }
  return rows.map(({ taken: _, ...view }) => view);
}

async function keepElsewhere(tx: Tx, author: Author, files: readonly FileElsewhere[]): Promise<AttachmentView[]> {
  if (files.length === 0) return [];
  const list = files.map((file) => ({ ...file, id: newId(), kind: kindOf(file.contentType) }));
  return tx.query<AttachmentView[]>(
    `INSERT INTO attachment (organization_id, id, kind, name, content_type, size, original_url, created_by)
     SELECT $1::uuid, f.id, f.kind, f.name, f."contentType", f.size, f.url, $3::jsonb
     FROM jsonb_to_recordset($2::jsonb)
       AS f(id uuid, kind text, name text, "contentType" text, size bigint, url text)
     RETURNING ${COLUMNS}`,
    [author.organizationId, JSON.stringify(list), author.principal],
  );
}

/** Makes them the message's. */
export async function linkAttachments(
  tx: Tx,
  organizationId: string,
  messageId: string,
  attachments: readonly AttachmentView[],
): Promise<void> {
  if (attachments.length === 0) return;
  await tx.query(
    `UPDATE attachment SET message_id = $2, updated_at = now() WHERE organization_id = $1 AND id = ANY ($3::uuid[])`,
    [organizationId, messageId, attachments.map(({ id }) => id)],
  );
}

/**
 * Lets go of a message's files: those kept elsewhere are forgotten now, stored ones become uploads out of date, which
 * the media sweep removes together with their bytes.
 */
export async function dropAttachments(tx: Tx, organizationId: string, messageId: string): Promise<void> {
  await tx.query(
    `WITH gone AS (
       DELETE FROM attachment WHERE organization_id = $1 AND message_id = $2 AND storage_key IS NULL
     )
     UPDATE attachment SET message_id = NULL, created_at = 'epoch', updated_at = now()
     WHERE organization_id = $1 AND message_id = $2 AND storage_key IS NOT NULL`,
    [organizationId, messageId],
  );
}

function kindOf(contentType: string): MediaKind {
  const kind = contentType.split('/')[0];
  return kind === 'image' || kind === 'video' || kind === 'audio' ? kind : 'document';
}
