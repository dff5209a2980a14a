import { Column, Entity } from 'typeorm';
import type { PartyRef } from './conversation.entity.js';
import { TenantRow, type JsonObject } from './tenant-row.js';

export const MEDIA_KINDS = ['image', 'video', 'audio', 'document'] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];
export const EXTRACTION_STATUSES = ['notStarted', 'inProgress', 'success', 'error'] as const;
export type ExtractionStatus = (typeof EXTRACTION_STATUSES)[number];

/** A file: uploaded, and then carried by one message; or kept elsewhere, at its original address. */
@Entity('attachment')
export class Attachment extends TenantRow {
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  /** Null until a message carries it. */
  @Column({ type: 'uuid', nullable: true }) messageId: string | null;
  @Column('text') kind: MediaKind;
  @Column('text') name: string;
  /** As the bytes say, not the sender. */
  @Column('text') contentType: string;
  /** In bytes; null where the file is kept elsewhere. */
  @Column({ type: 'bigint', nullable: true }) size: number | null;
  /** In pixels, of images. */
  @Column({ type: 'integer', nullable: true }) width: number | null;
  @Column({ type: 'integer', nullable: true }) height: number | null;
  /** Shown within the text, as HTML mail does. */
  @Column('boolean') inline: boolean;
  /** Where the media store keeps it. */
  @Column({ type: 'text', nullable: true }) storageKey: string | null;
  /** Where it came from; often behind a token that has expired since. */
  @Column({ type: 'text', nullable: true }) originalUrl: string | null;
  @Column('text') extractionStatus: ExtractionStatus;
  @Column({ type: 'jsonb', nullable: true }) extractedData: JsonObject | null;
  @Column({ type: 'jsonb', nullable: true }) extractionData: JsonObject | null;
  @Column('jsonb') createdBy: PartyRef;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', insert: false }) updatedAt: Date;
}
