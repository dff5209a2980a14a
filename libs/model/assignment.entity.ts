import { Column, Entity } from 'typeorm';
import type { AssigneeType, PartyRef } from './conversation.entity.js';
import { TenantRow } from './tenant-row.js';

export type AssignmentKind = 'manual' | 'transfer' | 'unassign';

/** One change of hands: who had the conversation, who got it, by whom and why. Ended by the next one. */
@Entity('assignment')
export class Assignment extends TenantRow {
  @Column('uuid') conversationId: string;
  @Column('text') kind: AssignmentKind;
  @Column({ type: 'text', nullable: true }) fromType: AssigneeType | null;
  @Column({ type: 'uuid', nullable: true }) fromId: string | null;
  @Column({ type: 'text', nullable: true }) toType: AssigneeType | null;
  @Column({ type: 'uuid', nullable: true }) toId: string | null;
  @Column('jsonb') actor: PartyRef;
  @Column({ type: 'text', nullable: true }) reason: string | null;
  @Column({ type: 'text', nullable: true }) summary: string | null;
  @Column({ type: 'text', nullable: true }) note: string | null;
  @Column('boolean') notifyContact: boolean;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) endedAt: Date | null;
}
