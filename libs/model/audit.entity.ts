import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PartyRef } from './conversation.entity.js';

/** Each changed field with its value before and after; secrets are masked before they come here. */
export type AuditChanges = Readonly<Record<string, { readonly before: unknown; readonly after: unknown }>>;

/** Who did what to what, when and from where. Written with the change itself, never changed, never deleted. */
@Entity('audit_log')
export class AuditRecord {
  @PrimaryColumn('uuid') organizationId: string;
  @PrimaryColumn('timestamptz') at: Date;
  @PrimaryColumn('uuid') id: string;
  /** `conversation.closed`, `webhook.secret_rotated`: what it was done to, and what. */
  @Column('text') action: string;
  /** The first word of the action. */
  @Column({ type: 'text', insert: false, update: false }) category: string;
  /** As it was called then. */
  @Column('jsonb') actor: PartyRef;
  @Column({ type: 'uuid', nullable: true }) actorId: string | null;
  @Column('text') subjectType: string;
  @Column('uuid') subjectId: string;
  @Column({ type: 'jsonb', nullable: true }) changes: AuditChanges | null;
  /** Null where no request was behind it: timers, sweeps, the first start. */
  @Column({ type: 'text', nullable: true }) requestId: string | null;
  @Column({ type: 'text', nullable: true }) address: string | null;
  @Column({ type: 'text', nullable: true }) userAgent: string | null;
}
