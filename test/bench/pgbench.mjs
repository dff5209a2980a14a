// pgbench as a ceiling: PostgreSQL's own load generator with the same statements, without node.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { seededIdSql } from './seed.mjs';

export const hasPgbench = spawnSync('pgbench', ['--version']).status === 0;
let runs = 0;

/**
 * @param {string} url @param {readonly import('./message-statements.mjs').Statement[]} statements
 * @param {{ scope: string, connections: number, ms: number, conversations: number }} limits
 */
export async function pgbench(url, statements, { scope, connections, ms, conversations }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'switchboard-pgbench-'));
  try {
    const defined = ['-D', 'i=0', '-D', `run=${++runs}`];
    const lines = [
      `\\set c random(1, ${conversations})`,
      '\\set i :i + 1',
      '\\set n :run * 1000000000 + :client_id * 10000000 + :i',
    ];
    statements.forEach(({ text, values, varying }, s) => {
      const sql = text.replace(/--.*$/gm, '').replace(/\$(\d+)/g, (_, digits) => {
        const n = Number(digits) - 1;
        return expression(varying[n], `s${s}v${n}`);
      });
      lines.push(`${sql.replace(/\s+/g, ' ').trim()};`);
      values.forEach((value, n) => {
        const name = `s${s}v${n}`;
        if (value !== null && !varying[n]) defined.push('-D', `${name}=${asText(value)}`);
        if (value === null)
          lines[lines.length - 1] = lines[lines.length - 1].replaceAll(new RegExp(`:${name}\\b`, 'g'), 'NULL');
      });
    });
    const script = path.join(folder, 'script.sql');
    writeFileSync(script, `${lines.join('\n')}\n`);
    const { host, port, username, password, pathname } = parsed(url);
    const args = [
      '-n',
      '-M',
      'prepared',
      '-c',
      String(connections),
      '-j',
      '1',
      '-T',
      String(Math.max(1, Math.round(ms / 1000))),
    ];
    args.push('-f', script, '-l', `--log-prefix=${path.join(folder, 'log')}`, ...defined);
    const output = await run(['-h', host, '-p', port, '-U', username, ...args, pathname.slice(1)], password, scope);
    const perSecond = Number(/tps = ([\d.]+)/.exec(output)?.[1]);
    const latencies = readdirSync(folder)
      .filter((name) => name.startsWith('log'))
      .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').trim().split('\n'))
      .map((line) => Number(line.split(' ')[2]) / 1000);
    return { perSecond, latencies };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {import('./message-statements.mjs').Varying | undefined} varying @param {string} name */
function expression(varying, name) {
  if (varying === 'conversation') return seededIdSql('conversation', ':c');
  if (varying === 'message') return uuidSql(1);
  if (varying === 'event') return uuidSql(2);
  return varying === 'number' ? ':n' : `:${name}`;
}

const uuidSql = (/** @type {number} */ kind) =>
  `('0190000${kind}-0000-7000-9000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid`;

/** @param {unknown} value as the driver would send it */
function asText(value) {
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** @param {string} url */
function parsed(url) {
  const { hostname: host, port, username, password, pathname } = new URL(url);
  return { host, port, username, password, pathname };
}

/** @param {string[]} args @param {string} password @param {string} scope settings of the session @returns {Promise<string>} */
const run = (args, password, scope) =>
  new Promise((resolve, reject) => {
    const child = spawn('pgbench', args, { env: { ...process.env, PGPASSWORD: password, PGOPTIONS: scope } });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`pgbench: ${output}`))));
  });
