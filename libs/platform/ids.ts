import { fromUUID, TypeID } from 'typeid-js';
import { v7 } from 'uuid';

const SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** A new UUIDv7: time-ordered, made by the application so that any PostgreSQL from 13 on will do. */
export const newId = (): string => v7();

/** A UUID as it is shown outside: `conv_01jenbp4hmfay8vvr14d2pf2db` (TypeID form). */
export const encodeId = (prefix: string, uuid: string): string => fromUUID(uuid, prefix);

/** The UUID behind a public id, or null when it is malformed or carries another prefix. Never throws. */
export function decodeId(prefix: string, id: string): string | null {
  const cut = id.lastIndexOf('_');
  const suffix = id.slice(cut + 1);
  if (id.slice(0, Math.max(cut, 0)) !== prefix || !SUFFIX.test(suffix)) return null;
  return TypeID.fromString(`${prefix}_${suffix}`).toUUID();
}

/** The prefix of a public id (`user` of `user_01…`), or null when it has none. */
export function prefixOf(id: string): string | null {
  const cut = id.lastIndexOf('_');
  return cut > 0 ? id.slice(0, cut) : null;
}
