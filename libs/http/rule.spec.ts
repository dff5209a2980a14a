import fc from 'fast-check';
import { ROLE_SCOPES, SCOPES, type Actor } from '@hub/identity/actor.js';
import { USER_ROLES } from '@hub/model/user.entity.js';
import { allows, type Rule } from './rule.js';

const rules = fc.record<Rule>({
  scope: fc.constantFrom(...SCOPES, 'authenticated' as const, 'staff' as const),
  people: fc.boolean(),
  customer: fc.boolean(),
});
const scopes = fc.subarray([...SCOPES]);
const organizationId = 'o';
const key = (held: readonly string[]): Actor => ({
  organizationId,
  principal: { type: 'api_key', id: 'k', name: 'k' },
  scopes: new Set(held),
});
const contact: Actor = { organizationId, principal: { type: 'contact', id: 'c', name: 'c' }, scopes: new Set(SCOPES) };

describe('who a rule lets in', () => {
  it('a key: by its scope or admin, and nothing else', () => {
    fc.assert(
      fc.property(rules, scopes, (rule, held) => {
        const byScope = held.includes('admin') || held.includes(rule.scope as never);
        expect(allows(rule, key(held))).toBe(rule.scope === 'authenticated' || (rule.scope !== 'staff' && byScope));
      }),
    );
  });

  it('more scopes never let in less', () => {
    fc.assert(
      fc.property(rules, scopes, scopes, (rule, some, more) => {
        if (allows(rule, key(some))) expect(allows(rule, key([...some, ...more]))).toBe(true);
      }),
    );
  });

  it('a contact: only where the rule says so, whatever else it carries', () => {
    fc.assert(fc.property(rules, (rule) => expect(allows(rule, contact)).toBe(rule.customer === true)));
  });

  it('a user: by the role, and to what is for people unless a customer', () => {
    fc.assert(
      fc.property(rules, fc.constantFrom(...USER_ROLES), (rule, role) => {
        const own: readonly string[] = ROLE_SCOPES[role];
        const actor: Actor = {
          organizationId,
          principal: { type: 'user', id: 'u', name: 'u' },
          scopes: new Set(own),
          role,
        };
        const byScope = own.includes('admin') || own.includes(rule.scope);
        const isStaff = role !== 'customer';
        const expected = rule.scope === 'staff' ? isStaff : byScope || (rule.people === true && isStaff);
        expect(allows(rule, actor)).toBe(rule.scope === 'authenticated' || expected);
      }),
    );
  });

  it('a public route: anybody', () => {
    expect(allows({ scope: 'public' }, contact)).toBe(true);
  });
});
