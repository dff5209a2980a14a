import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The tenant: nothing below it is ever seen by another one. */
@Entity('organization')
export class Organization {
  @PrimaryColumn('uuid') id: string;
  @Column({ type: 'bigint', insert: false, update: false }) number: number;
  @Column('text') name: string;
  @Column({ type: 'timestamptz', insert: false }) createdAt: Date;
  @Column({ type: 'timestamptz', insert: false }) updatedAt: Date;
}
