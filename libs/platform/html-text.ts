const TAG = /<(!--|[!?]|\/?([a-z][a-z0-9]*))/iy;
const BREAKING = new Set(
  'address article aside blockquote br dd div dl dt footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul'.split(
    ' ',
  ),
);
/** Their content is not for reading. */
const UNREAD = new Set(['script', 'style', 'template', 'title']);
const ENTITY = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));/gi;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** The words of an HTML text, a line for each block; in time that grows with its length only, whatever it holds. */
export function textOfHtml(html: string): string {
  const parts: string[] = [];
  const lower = html.toLowerCase();
  for (let at = 0; at < html.length;) {
    const open = html.indexOf('<', at);
    parts.push(html.slice(at, open < 0 ? undefined : open).replace(/\s+/g, ' '));
    if (open < 0) break;
    TAG.lastIndex = open;
    const [found, , tag = ''] = TAG.exec(lower) ?? [];
    if (found === undefined) parts.push('<');
    else if (BREAKING.has(tag)) parts.push('\n');
    at = found === undefined ? open + 1 : endOf(lower, open, found);
  }
  const text = parts.join('').replace(ENTITY, (_, decimal?: string, hex?: string, name?: string) => {
    if (name) return NAMED[name.toLowerCase()] ?? '';
    const code = decimal ? Number(decimal) : Number.parseInt(hex ?? '', 16);
    return isCharacter(code) ? String.fromCodePoint(code) : '\u{fffd}';
  });
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join('\n');
}

/** Where the tag, the comment or the unread element ends that begins at `open`; the end of it all if it never does. */
function endOf(html: string, open: number, found: string): number {
  const after = (what: string, from: number): number => {
    const place = html.indexOf(what, from);
    return place < 0 ? html.length : place + what.length;
  };
  if (found === '<!--') return after('-->', open);
  const end = after('>', open);
  const tag = found.slice(1);
  if (!UNREAD.has(tag)) return end;
  const close = html.indexOf(`</${tag}`, end);
  return close < 0 ? html.length : close;
}

const isCharacter = (code: number): boolean => code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
