import { Column, Entity } from 'typeorm';
import { TenantRecord, type JsonObject } from './tenant-row.js';

/** Users who work on the same conversations. */
@Entity('team')
export class Team extends TenantRecord {
  @Column('text') name: string;
  @Column({ type: 'text', nullable: true }) description: string | null;
  @Column('jsonb') metadata: JsonObject;
}
