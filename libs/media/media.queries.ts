import { Injectable } from '@nestjs/common';
import { Database } from '@hub/model/database.js';
import { MediaNotFoundError } from './media.errors.js';
import type { MediaView } from './media.types.js';

export const MEDIA_COLUMNS = `
  organization_id AS "organizationId", id, number, message_id AS "messageId", kind, name, content_type AS "contentType",
  size, width, height, inline, storage_key IS NOT NULL AS stored, original_url AS "originalUrl",
  extraction_status AS "extractionStatus", extracted_data AS "extractedData", extraction_data AS "extractionData",
  created_by AS "createdBy", created_at AS "createdAt"`;

@Injectable()
export class MediaQueries {
  constructor(private readonly db: Database) {}

  /** @throws MediaNotFoundError */
  async getMedia(organizationId: string, id: string): Promise<MediaView> {
    const [found] = await this.db
      .reader(organizationId)
      .query<MediaView[]>(`SELECT ${MEDIA_COLUMNS} FROM attachment WHERE organization_id = $1 AND id = $2`, [
        organizationId,
        id,
      ]);
    if (!found) throw new MediaNotFoundError();
    return found;
  }

  /** Which of these files some row of the organization still names; null where there is no such organization. */
  async existing(organizationId: string, ids: readonly string[]): Promise<ReadonlySet<string> | null> {
    const [found] = await this.db.reader(organizationId).query<{ ids: string[] }[]>(
      `SELECT ARRAY(SELECT a.id::text FROM attachment a WHERE a.organization_id = o.id AND a.id = ANY($2::uuid[])) AS ids
       FROM organization o WHERE o.id = $1`,
      [organizationId, ids],
    );
    return found ? new Set(found.ids) : null;
  }
}
