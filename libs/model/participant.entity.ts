import { Column, Entity, PrimaryColumn } from 'typeorm';

export type ParticipantKind = 'contact' | 'user' | 'bot';
export type ParticipantRole = 'customer' | 'agent' | 'bot' | 'observer';

@Entity('participant')
export class Participant {
  @PrimaryColumn('uuid') organizationId: string;
  @PrimaryColumn('uuid') conversationId: string;
  @PrimaryColumn('text') kind: ParticipantKind;
  @PrimaryColumn('uuid') refId: string;
  @Column('text') role: ParticipantRole;
  @Column({ type: 'timestamptz', insert: false }) joinedAt: Date;
  @Column({ type: 'timestamptz', nullable: true }) leftAt: Date | null;
}
