import { Column, PrimaryColumn } from 'typeorm';

/** What every tenant-owned row starts with. */
export abstract class TenantRow {
  @PrimaryColumn('uuid') organizationId: string;
  @PrimaryColumn('uuid') id: string;
}

/** A row of its own that keeps the times of its making and of its last change, and outlives its deletion. */
export abstract class TenantRecord extends TenantRow {
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', insert: false }) updatedAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) deletedAt: Date | null;
}

/** Free-form JSON that callers hang on a record. */
export type JsonObject = Record<string, unknown>;
