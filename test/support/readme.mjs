// Runs the README's commands as a reader would, block by block, so that they cannot drift: `npm start` in the
// background with data of its own and a free port, every other ```sh block in a bash of its own, with the printed
// address in place of http://127.0.0.1:3000 and the printed key in KEY.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const SKIPPED = /^\s*(npm (ci|test|run (check|bench|format|lint|types|test:faults))|docker|nest|npx nest)\b/m; // CI runs them itself, or cannot
const START = /^\s*npm start\b/m;
const START_TIMEOUT_MS = 180_000;
const BLOCK_TIMEOUT_MS = 60_000;

const dataDir = mkdtempSync(path.join(os.tmpdir(), 'switchboard-readme-'));
chmodSync(dataDir, 0o711); // as a project's folder: the database server's account may pass when we are root
/** @type {{ url: string, key: string, child: import('node:child_process').ChildProcess } | undefined} */
let hub;

/** @returns {Promise<number>} */
const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });

/** @param {string} script @param {Record<string, string>} env @param {boolean} [background] */
const bash = (script, env, background = false) =>
  spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: background, // a process group of its own, to be stopped as a Ctrl-C does
  });

/** @param {string} script */
async function start(script) {
  const child = bash(script, { DATA_DIR: dataDir, PORT: String(await freePort()) }, true);
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!output.includes('Ctrl-C stops everything')) {
    if (child.exitCode !== null) throw new Error('npm start ended');
    if (Date.now() > deadline) throw new Error('npm start does not get ready');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const url = /ready: +(\S+)/.exec(output)?.[1];
  const key = /Admin API key: +(sk_\S+)/.exec(output)?.[1];
  if (!url || !key) throw new Error('npm start prints neither URL nor key');
  hub = { url, key, child };
}

/** @param {string} script */
async function run(script) {
  const env = { KEY: hub?.key ?? '', HUB_KEY: hub?.key ?? '', HUB_URL: hub?.url ?? '' };
  const child = bash(script.replaceAll('http://127.0.0.1:3000', hub?.url ?? 'http://127.0.0.1:3000'), env);
  child.stdout?.pipe(process.stdout, { end: false });
  const timer = setTimeout(() => child.kill('SIGKILL'), BLOCK_TIMEOUT_MS);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  console.log();
  if (code !== 0) throw new Error(`the block ended with ${code ?? 'a timeout'}`);
}

async function stop() {
  if (hub?.child.pid && hub.child.exitCode === null) {
    const gone = new Promise((resolve) => hub?.child.once('exit', resolve));
    process.kill(-hub.child.pid, 'SIGINT');
    await gone;
  }
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
}

const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
let failed = false;
try {
  if (blocks.length === 0) throw new Error('the README has no ```sh block');
  for (const [i, block] of blocks.entries()) {
    const skipped = SKIPPED.test(block);
    console.log(`\n== README ${i + 1}/${blocks.length}${skipped ? ', left out' : ''}\n${block.trimEnd()}\n--`);
    if (skipped) continue;
    await (START.test(block) ? start(block) : run(block));
  }
} catch (error) {
  failed = true;
  console.error(`\nREADME: ${/** @type {Error} */ (error).message}`);
} finally {
  await stop();
}
if (!failed) console.log('\nREADME: every command works.');
process.exit(failed ? 1 : 0);
