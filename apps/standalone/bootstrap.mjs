// The entry of every npm script: brings a checkout to the point where it can run, then runs it in this very process,
// so that signals, exit code and process id are the program's own. Plain JavaScript: nothing may be installed yet.
//
//   bootstrap.mjs start | run api | run worker | run migrate | run rotate-secrets | build
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const DIST = path.join(ROOT, 'dist');
const MODULES = path.join(ROOT, 'node_modules');
const LOCK = path.join(DIST, '.lock');
const BUILD_STAMP = path.join(DIST, '.stamp');
const INSTALL_STAMP = path.join(MODULES, '.switchboard');
const SOURCES = [
  'apps/api',
  'apps/worker',
  'apps/standalone',
  'libs',
  'tsconfig.json',
  'nest-cli.json',
  'package-lock.json',
];
const OUTPUT = ['dist/apps', 'dist/libs'];
const PROGRAMS = {
  start: 'apps/standalone/main.js',
  api: 'apps/api/main.js',
  worker: 'apps/worker/main.js',
  migrate: 'apps/standalone/migrate.main.js',
  'rotate-secrets': 'apps/standalone/rotate-secrets.main.js',
};

class Refusal extends Error {}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Refusal(`Switchboard needs Node 20.19 or newer; this is ${process.version} (${process.execPath}).`);
}

/** @param {string} file @returns {any} null where there is none, or half of one */
function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** @param {string} file */
const readText = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');

const installStamp = () =>
  `${createHash('sha256')
    .update(fs.readFileSync(path.join(ROOT, 'package-lock.json')))
    .digest('hex')} ${process.platform}-${process.arch}\n`;

/**
 * Whether node_modules is what the lock file says: npm's own record of what it installed, package by package, so that
 * neither a touched file nor a changed branch is mistaken. Development packages count only where a build needs them.
 * @param {boolean} withTools
 */
function isInstalled(withTools) {
  const installed = readJson(path.join(MODULES, '.package-lock.json'))?.packages;
  if (!installed) return false;
  if (readText(INSTALL_STAMP) === installStamp()) return true;
  const locked = readJson(path.join(ROOT, 'package-lock.json')).packages;
  return Object.entries(locked).every(([name, wanted]) => {
    if (name === '') return true;
    const there = installed[name];
    if (there) return there.version === wanted.version && there.integrity === wanted.integrity;
    return mayBeMissing(wanted) || (!withTools && (wanted.dev || wanted.devOptional));
  });
}

/** @param {{ optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} wanted */
function mayBeMissing(wanted) {
  if (!wanted.optional) return false;
  const forUs =
    (wanted.os ?? [process.platform]).includes(process.platform) &&
    (wanted.cpu ?? [process.arch]).includes(process.arch);
  return !forUs || !wanted.os || Boolean(wanted.libc);
}

/**
 * A digest of the contents below `names`, so that a fresh checkout of the same commit counts as the same.
 * @param {string[]} names relative to ROOT
 */
function digest(names) {
  const hash = createHash('sha256');
  /** @param {string} name */
  const add = (name) => {
    const file = path.join(ROOT, name);
    if (!fs.existsSync(file)) return;
    if (!fs.statSync(file).isDirectory()) {
      hash.update(`${name}\0`).update(fs.readFileSync(file));
      return;
    }
    for (const entry of fs.readdirSync(file).sort()) if (!/\.(spec\.ts|mjs|map)$/.test(entry)) add(`${name}/${entry}`);
  };
  names.forEach(add);
  return `${hash.digest('hex')}\n`;
}

/** The output is whole, and made from these very sources. */
const isBuilt = () => readText(BUILD_STAMP) === digest(SOURCES) + digest(OUTPUT);

/** @param {string} script @param {string[]} args @returns {Promise<void>} */
function node(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: ROOT, stdio: 'inherit' });
    const stop = () => child.kill('SIGTERM');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, stop);
      if (code === 0) resolve();
      else
        reject(
          new Refusal(
            `${path.basename(script)} ${args[0]} ${signal ? `was stopped (${signal})` : `failed (${code})`}.`,
          ),
        );
    });
  });
}

/** npm as a script for node: a shell would be needed to start it by name on Windows. */
function findNpm() {
  const beside = path.dirname(process.execPath);
  const candidates = [
    process.env.npm_execpath ?? '',
    path.join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
    path.join(beside, 'node_modules/npm/bin/npm-cli.js'),
    path.join(beside, '../share/nodejs/npm/bin/npm-cli.js'),
    '/usr/share/nodejs/npm/bin/npm-cli.js',
  ];
  const found = candidates.find((file) => path.basename(file) === 'npm-cli.js' && fs.existsSync(file));
  if (found) return found;
  throw new Refusal('The dependencies are not installed and npm was not found here: run `npm ci` first.');
}

async function install() {
  const started = Date.now();
  console.log('Installing dependencies (npm ci) ...');
  await node(findNpm(), ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  fs.writeFileSync(INSTALL_STAMP, installStamp());
  console.log(`Installed in ${seconds(started)} s.`);
}

async function build() {
  const started = Date.now();
  const sources = digest(SOURCES);
  console.log('Building ...');
  fs.rmSync(BUILD_STAMP, { force: true });
  await node(path.join(MODULES, '@nestjs/cli/bin/nest.js'), ['build']);
  for (const folder of OUTPUT) removeOlder(path.join(ROOT, folder), started);
  fs.writeFileSync(BUILD_STAMP, sources + digest(OUTPUT));
  console.log(`Built in ${seconds(started)} s.`);
}

/** @param {number} started */
const seconds = (started) => ((Date.now() - started) / 1000).toFixed(1);

/**
 * What an earlier build left of sources that are gone. Not everything beforehand: a program may be running from here.
 * @param {string} folder @param {number} time
 */
function removeOlder(folder, time) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) removeOlder(file, time);
    else if (fs.statSync(file).mtimeMs < time - 2000) fs.rmSync(file);
  }
  if (fs.readdirSync(folder).length === 0) fs.rmdirSync(folder);
}

/**
 * Does `work` while no other process does, in this checkout. A lock whose owner has died is taken over.
 * @param {() => Promise<void>} work
 */
async function alone(work) {
  fs.mkdirSync(DIST, { recursive: true });
  for (let waiting = false; !takeLock(); waiting = true) {
    if (!waiting)
      console.log(`Waiting for another process (${readText(LOCK).trim()}) that installs or builds here ...`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    await work();
  } finally {
    fs.rmSync(LOCK, { force: true });
  }
}

function takeLock() {
  try {
    fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const owner = Number(readText(LOCK));
  try {
    if (owner > 0) process.kill(owner, 0);
    else if (Date.now() - fs.statSync(LOCK).mtimeMs > 5000) fs.rmSync(LOCK, { force: true }); // killed before it wrote
  } catch (error) {
    // Renamed before it is removed: of two that find the same dead owner, one only takes it away.
    if (error.code === 'ESRCH' && Number(readText(LOCK)) === owner) {
      const dead = `${LOCK}.${process.pid}`;
      fs.renameSync(LOCK, dead);
      fs.rmSync(dead, { force: true });
    }
  }
  return false;
}

/**
 * npm runs scripts through a shell, which does not hand a signal on when npm alone is sent one: it dies of it. When
 * the shell that started us is gone we are meant too.
 */
function followShell() {
  const shell = process.ppid;
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return;
  const timer = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  timer.unref();
}

async function prepare() {
  if (isBuilt() && isInstalled(false)) return;
  try {
    await alone(async () => {
      if (!isInstalled(!isBuilt())) await install();
      if (!isBuilt()) await build();
    });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
    throw new Refusal(
      `${ROOT} has to be set up first, and this user may not write there (${error.message}).\n` +
        'Run `npm run build` as its owner.',
    );
  }
}

async function main() {
  checkNode();
  followShell();
  const [command, which] = process.argv.slice(2);
  const program = command === 'run' ? PROGRAMS[which] : command === 'start' ? PROGRAMS.start : null;
  if (!program && command !== 'build')
    throw new Refusal('usage: bootstrap.mjs start | run api|worker|migrate|rotate-secrets | build');
  await prepare();
  if (!program) return;
  const settings = path.join(ROOT, '.env');
  if (fs.existsSync(settings)) process.loadEnvFile(settings); // what is set already stays
  const target = path.join(DIST, program);
  process.argv.splice(1, process.argv.length, target, ...process.argv.slice(command === 'run' ? 4 : 3));
  await import(pathToFileURL(target).href);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(error.message);
  process.exit(1);
}
