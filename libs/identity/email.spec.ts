import fc from 'fast-check';
import { canonicalEmail } from './email.js';

describe('an email in its one form', () => {
  it('folds case and compatibility forms, and writes the domain in ASCII', () => {
    expect(canonicalEmail('Ada.Lovelace+x@Example.COM')).toBe('ada.lovelace+x@example.com');
    expect(canonicalEmail('STRAßE@Bücher.example')).toBe('strasse@xn--bcher-kva.example');
  });

  it('knows the letters with more than two cases', () => {
    for (const sharp of ['ß', 'ẞ', 'ss', 'SS', 'ſs'])
      expect(canonicalEmail(`${sharp}@example.com`)).toBe('ss@example.com');
    expect(canonicalEmail('ΟΔΟΣ@example.com')).toBe(canonicalEmail('οδοσ@example.com'));
  });

  it('is a fixed point: the form of a form is itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (local) => {
        const once = canonicalEmail(`${local}@example.com`);
        expect(once === null || canonicalEmail(once) === once).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same for every case and normal form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (local) => {
        const email = `${local}@example.com`;
        const one = canonicalEmail(email);
        fc.pre(one !== null);
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD']) expect(canonicalEmail(email.normalize(form))).toBe(one);
        expect(canonicalEmail(email.toLowerCase())).toBe(one);
      }),
      { numRuns: 2_000 },
    );
  });
});
