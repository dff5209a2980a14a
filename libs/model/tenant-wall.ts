import type { DataSource } from 'typeorm';

interface Role {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypasses: boolean;
  readonly owns: boolean;
}

/**
 * Why row-level security does not bind the role that this process connects as: only the `organization_id` in every
 * statement stands between tenants then. Null when it does bind.
 */
export async function whyWallIsOpen(source: DataSource): Promise<string | null> {
  const [role] = await source.query<Role[]>(`
    SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolbypassrls AS bypasses, EXISTS (
      SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relrowsecurity
        AND NOT c.relforcerowsecurity AND pg_has_role(r.oid, c.relowner, 'USAGE')) AS owns
    FROM pg_roles r WHERE r.rolname = current_user`);
  if (!role) return null;
  if (role.superuser) return `${role.name} is a superuser`;
  if (role.bypasses) return `${role.name} has BYPASSRLS`;
  return role.owns ? `${role.name} owns the tables, or is a member of the role that does` : null;
}
