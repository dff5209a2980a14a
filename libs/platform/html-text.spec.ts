import fc from 'fast-check';
import { textOfHtml } from './html-text.js';

describe('the words of an HTML text', () => {
  it.each([
    ['<p>Hello <b>you</b></p><p>Bye</p>', 'Hello you\nBye'],
    ['one<br>two<BR/>three', 'one\ntwo\nthree'],
    ['a &amp; b &lt;c&gt; &#233;&#xE9; &nbsp;d &unknown;', 'a & b <c> éé  d &unknown;'],
    ['<style>p{}</style><script>alert("<p>")</script>kept<!-- <p>not</p> -->', 'kept'],
    ['1 < 2 and 3 > 2', '1 < 2 and 3 > 2'],
    ['&#55296;&#0;', '\u{fffd}\u{fffd}'],
    ['cut <a href="x', 'cut'],
    ['', ''],
  ])('%j', (html, text) => expect(textOfHtml(html)).toBe(text));

  it('never throws, and leaves no tag', () => {
    const pieces = fc.array(
      fc.constantFrom('<', '>', '<p>', '</p>', '<!--', '-->', '<script>', '&amp;', 'x', ' ', '"'),
    );
    fc.assert(
      fc.property(pieces, (some) => expect(textOfHtml(some.join('').replaceAll('&amp;', ''))).not.toMatch(/<\/?p>/)),
    );
  });

  it.each(['<', '<p', '<!--', '<script>', '&#', ' '])('takes half a MiB of %j at once', (piece) => {
    const start = performance.now();
    textOfHtml(piece.repeat(524_288 / piece.length));
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
