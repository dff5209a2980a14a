const MAX_NAME = 255;
const MAX_EXTENSION = 20;
/** Control characters, and those that turn the direction of the text around: `exe.gpj` must not read `jpg.exe`. */
const INVISIBLE = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\p{Surrogate}/gu;

/** A sender's name for a file, without folders and what nobody sees; at most 255 characters, its ending kept. */
export function cleanName(given: string | undefined): string {
  const last = (given ?? '').split(/[/\\]/).at(-1) ?? '';
  const name = last.normalize('NFC').replace(INVISIBLE, '').trim();
  if (/^\.*$/.test(name)) return 'file';
  if (name.length <= MAX_NAME) return name;
  const ending = endingOf(name);
  const end = ending ? `.${ending}` : '';
  return name.slice(0, MAX_NAME - end.length).replace(/\p{Surrogate}$/u, '') + end;
}

/** The letters behind the last dot, in lower case; '' where there are none. */
export function endingOf(name: string): string {
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 ? name.slice(dot + 1) : '';
  return ending.length <= MAX_EXTENSION && /^[\p{L}\p{N}_-]+$/u.test(ending) ? ending.toLowerCase() : '';
}

/** `Content-Disposition` with the name in any alphabet (RFC 6266, RFC 5987), and in ASCII for whoever reads no other. */
export function dispositionOf(kind: 'inline' | 'attachment', name: string): string {
  const plain = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
