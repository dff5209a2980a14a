/** What an `s3://` setting says. */
export interface S3Settings {
  readonly endpoint: string;
  readonly bucket: string;
  /** '' or ending in a slash: what every key begins with. */
  readonly prefix: string;
  readonly region: string;
  readonly forcePathStyle: boolean;
  /** Absent: what AWS's own chain finds (environment, profile, role of the machine). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i;
const AWS = /^s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;
const OPTIONS = new Set(['region', 'tls', 'pathStyle']);

/**
 * `s3://[key:secret@]host[:port]/bucket[/prefix][?region=…&tls=false&pathStyle=false]`. Of AWS's own hosts
 * (`s3.eu-central-1.amazonaws.com`) the region is known; elsewhere it is us-east-1 unless named. Buckets are named in
 * the path, at AWS in the host, unless `pathStyle` says otherwise.
 * @throws Error in the operator's words; it never shows the secret
 */
export function parseS3Url(text: string): S3Settings {
  const fail = (why: string): never => {
    throw new Error(`MEDIA_STORE: ${why}; expected s3://key:secret@host:port/bucket?region=…&tls=…&pathStyle=…`);
  };
  const decoded = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      return fail('a % that stands for itself is written %25');
    }
  };
  const url = URL.canParse(text) ? new URL(text) : fail('not a URL (in key and secret, write / as %2F and % as %25)');
  const [bucket = '', ...rest] = decoded(url.pathname).split('/').filter(Boolean);
  if (url.protocol !== 's3:' || url.hostname === '') fail('no host');
  if (!BUCKET.test(bucket)) fail(bucket ? `the bucket "${bucket}" cannot exist` : 'no bucket');
  if ((url.username === '') !== (url.password === '')) fail('a key needs its secret');
  for (const name of url.searchParams.keys()) if (!OPTIONS.has(name)) fail(`unknown option "${name}"`);
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = url.searchParams.get(name);
    if (value !== null && value !== 'true' && value !== 'false') fail(`${name} must be true or false`);
    return value === null ? otherwise : value === 'true';
  };
  const aws = AWS.exec(url.hostname);
  return {
    endpoint: `${flag('tls', true) ? 'https' : 'http'}://${url.host}`,
    bucket,
    prefix: rest.map((part) => `${part}/`).join(''),
    region: url.searchParams.get('region') ?? aws?.[1] ?? 'us-east-1',
    forcePathStyle: flag('pathStyle', !aws),
    ...(url.username !== '' && {
      credentials: {
        accessKeyId: decoded(url.username),
        secretAccessKey: decoded(url.password),
      },
    }),
  };
}
