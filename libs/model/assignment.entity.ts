import { Column, Entity } from 'typeorm';
import type { AssigneeType, PartyRef } from './conversation.entity.js';
import { TenantRow } from './tenant-row.js';

export type AssignmentKind =
  'manual' | 'claim' | 'auto' | 'offer' | 'transfer' | 'handoff' | 'return' | 'reopen' | 'unassign' | 'queue';

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
  @Column({ type: 'uuid', nullable: true }) queueId: string | null;
  @Column({ type: 'uuid', nullable: true }) teamId: string | null;
  /** Of an automatic one: who was considered, and why each was or was not chosen. */
  @Column({ type: 'jsonb', nullable: true }) decision: object | null;
  /** A person has given it to somebody who had no room for it. */
  @Column('boolean') overCapacity: boolean;
  /** Its place in the queue, should it come back. */
  @Column({ type: 'timestamptz', nullable: true }) waitingSince: Date | null;
  /** When it goes back unless the agent has written. */
  @Column({ type: 'timestamptz', nullable: true }) returnAt: Date | null;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) endedAt: Date | null;
}
