import { Column, Entity } from 'typeorm';
import { TenantRow } from './tenant-row.js';

/** The event log; a row without `fannedOutAt` is the outbox. */
@Entity('event')
export class EventRecord extends TenantRow {
  @Column({ type: 'bigint', insert: false, update: false }) position: number;
  @Column('text') type: string;
  @Column('uuid') orderKey: string;
  @Column('bigint') sequence: number;
  @Column('uuid') subjectId: string;
  @Column({ type: 'uuid', nullable: true }) channelId: string | null;
  @Column({ type: 'uuid', nullable: true }) teamId: string | null;
  /** The W3C traceparent of the request behind it. */
  @Column({ type: 'text', nullable: true }) trace: string | null;
  @Column('text') body: string;
  @Column('timestamptz') createdAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) fannedOutAt: Date | null;
}
