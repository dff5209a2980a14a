import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

interface Server {
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}
type S3rver = new (options: object) => Server;

/** A server that speaks S3, in this process; it knows one key and takes any secret. */
export interface S3Server {
  readonly port: number;
  /** What MEDIA_STORE is set to for a bucket of it. */
  url(bucket: string, credentials?: string): string;
  stop(): Promise<void>;
}

export async function startS3(...buckets: string[]): Promise<S3Server> {
  const directory = await mkdtemp(path.join(tmpdir(), 'switchboard-s3-'));
  const Server = createRequire(import.meta.url)('s3rver') as S3rver;
  const configureBuckets = buckets.map((name) => ({ name, configs: [] }));
  const server = new Server({ port: 0, address: '127.0.0.1', silent: true, directory, configureBuckets });
  const { port } = await server.run();
  return {
    port,
    url: (bucket, credentials = 'S3RVER:S3RVER') => `s3://${credentials}@127.0.0.1:${port}/${bucket}?tls=false`,
    stop: async () => {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
