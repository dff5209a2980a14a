import { spawn, spawnSync } from 'node:child_process';
import os from 'node:os';
import { Redis } from 'ioredis';
import { anyFreePort } from '../../apps/standalone/ports.js';

/** A Redis of one test, to be killed by it; null where redis-server is not installed. */
export async function startRedis(): Promise<{ url: string; kill(): Promise<void> } | null> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null;
  const port = await anyFreePort('127.0.0.1');
  const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--dir', os.tmpdir()];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { maxRetriesPerRequest: 100, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  await client.ping();
  client.disconnect();
  return {
    url,
    kill: async () => {
      server.kill('SIGKILL');
      await gone;
    },
  };
}
