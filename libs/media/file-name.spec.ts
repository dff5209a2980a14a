import { cleanName, dispositionOf, endingOf } from './file-name.js';

test.each([
  ['photo.jpg', 'photo.jpg'],
  ['../../etc/passwd', 'passwd'],
  ['C:\\Users\\ann\\report.pdf', 'report.pdf'],
  ['/', 'file'],
  ['..', 'file'],
  ['', 'file'],
  [undefined, 'file'],
  ['a\u0000b\r\nSet-Cookie: x\u0007.txt', 'abSet-Cookie: x.txt'],
  ['invoice\u202egpj.exe', 'invoicegpj.exe'],
  ['Überweisung 日本語 👩‍👧.pdf', 'Überweisung 日本語 👩‍👧.pdf'],
  ['half \ud800 a pair', 'half  a pair'],
  ['.htaccess', '.htaccess'],
])('%j is kept as %j', (given, kept) => {
  expect(cleanName(given)).toBe(kept);
});

test('a long name keeps its ending', () => {
  const name = cleanName(`${'ü'.repeat(300)}.tar.gz`);
  expect([name.length, name.slice(-4)]).toEqual([255, 'ü.gz'.slice(-4)]);
  expect(() => encodeURIComponent(cleanName(`${'a'.repeat(254)}😀`))).not.toThrow();
});

test.each([
  ['a.JPG', 'jpg'],
  ['a', ''],
  ['.env', ''],
  ['a.', ''],
  ['a.b c', ''],
])('the ending of %j is %j', (name, ending) => {
  expect(endingOf(name)).toBe(ending);
});

test('a disposition carries any name, and nothing of it gets out of its quotes', () => {
  expect(dispositionOf('inline', 'photo.jpg')).toBe(`inline; filename="photo.jpg"; filename*=UTF-8''photo.jpg`);
  expect(dispositionOf('attachment', `a"\\;é'(1)*%41.txt`)).toBe(
    `attachment; filename="a__;_'(1)*_41.txt"; filename*=UTF-8''a%22%5C%3B%C3%A9%27%281%29%2A%2541.txt`,
  );
});
