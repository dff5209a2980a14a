import type { EntityTarget, ObjectLiteral, QueryDeepPartialEntity } from 'typeorm';
import type { Tx } from './database.js';

/** One plain INSERT: no SELECT before it, no cascade. */
export async function insertRow<E extends ObjectLiteral>(
  tx: Tx,
  entity: EntityTarget<E>,
  values: Partial<E>,
): Promise<void> {
  await tx.createQueryBuilder().insert().into(entity).values(values).updateEntity(false).execute();
}

/** One plain UPDATE by primary key that also moves `updated_at`. Undefined values are left out. */
export async function updateRow<E extends ObjectLiteral & { updatedAt: Date }>(
  tx: Tx,
  entity: EntityTarget<E>,
  key: { readonly organizationId: string; readonly id: string },
  changes: Partial<E>,
): Promise<void> {
  const set = { ...changes, updatedAt: () => 'clock_timestamp()' } as unknown as QueryDeepPartialEntity<E>;
  await tx
    .createQueryBuilder()
    .update(entity)
    .set(set)
    .where({ organizationId: key.organizationId, id: key.id })
    .execute();
}
