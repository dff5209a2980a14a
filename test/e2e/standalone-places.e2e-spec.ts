import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { clusterOf, leftOver, makeFolder, occupy, removeFolders, StandaloneRun } from '../support/standalone-run.js';

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? it : it.skip;
if (!isRoot) console.log('The tests of a root installation are left out: they need root.');

describe('npm start: where and beside what', () => {
  const runs: StandaloneRun[] = [];
  const dataDirs: string[] = [];
  let folder = '';

  const place = (name: string): string => {
    const dataDir = path.join(folder, name);
    dataDirs.push(dataDir);
    return dataDir;
  };
  const start = async (...options: Parameters<typeof StandaloneRun.start>): Promise<StandaloneRun> => {
    const run = StandaloneRun.spawn(...options);
    runs.push(run);
    await run.ready();
    return run;
  };

  beforeEach(() => {
    folder = makeFolder();
    chmodSync(folder, 0o755);
  });
  afterEach(() => removeFolders(dataDirs.splice(0), runs.splice(0)));

  it('refuses a PORT that is taken, leaving nothing behind', async () => {
    const dataDir = place('data');
    const taken = await occupy(0);
    const run = StandaloneRun.spawn({ dataDir, env: { PORT: String(taken.port) } });
    runs.push(run);
    expect(await run.exit()).toBe(1);
    expect(run.output).toContain(`PORT=${taken.port} is taken`);
    expect(leftOver(dataDir)).toEqual([]);
    await taken.free();
  }, 30_000);

  it('refuses a malformed variable by its name before anything is started', async () => {
    const dataDir = place('data');
    const run = StandaloneRun.spawn({ dataDir, env: { PORT: 'many', LOG_LEVEL: 'loud' } });
    runs.push(run);
    expect(await run.exit()).toBe(1);
    expect(run.output).toMatch(/PORT[\s\S]*LOG_LEVEL/);
    expect(leftOver(dataDir)).toEqual([]);
  }, 30_000);

  it('takes another port where none was asked for, and runs twice side by side', async () => {
    const taken = await occupy(3000).catch(() => null); // if something else has it, so much the better
    const first = await start({ dataDir: place('one') });
    const second = await start({ dataDir: place('two') });
    expect(first.output).toContain('Port 3000 is taken');
    expect(new Set([first.url, second.url, 'http://127.0.0.1:3000']).size).toBe(3);
    expect([await first.isReady(), await second.isReady()]).toEqual([true, true]);
    expect(first.key).not.toBe(second.key);
    await expect(second.call(first.key ?? '', '/v1/conversations')).rejects.toThrow('401');
    expect(await Promise.all([first.stop(), second.stop()])).toEqual([0, 0]);
    await taken?.free();
  }, 90_000);

  it('lets one of three first starts at once win', async () => {
    const dataDir = place('data');
    const three = [1, 2, 3].map(() => StandaloneRun.spawn({ dataDir }));
    runs.push(...three);
    const outcomes = await Promise.all(
      three.map((run) =>
        run.ready().then(
          () => 'ready',
          () => run.output,
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'ready')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.includes('already running'))).toHaveLength(2);
    const winner = three.find((_, i) => outcomes[i] === 'ready');
    expect(await winner?.stop()).toBe(0);
    expect(leftOver(dataDir)).toEqual([]);
  }, 90_000);

  asRoot(
    "keeps root's database elsewhere when others cannot enter DATA_DIR, and never shares it with a copy",
    async () => {
      chmodSync(folder, 0o700);
      const dataDir = place('data');
      const run = await start({ dataDir });
      expect(clusterOf(dataDir).startsWith(folder)).toBe(false);
      const { key } = run;
      expect(await run.stop()).toBe(0);
      const again = await start({ dataDir });
      await again.call(key ?? '', '/v1/conversations');
      expect(await again.stop()).toBe(0);
      const copy = path.join(folder, 'copy');
      cpSync(dataDir, copy, { recursive: true });
      const refused = StandaloneRun.spawn({ dataDir: copy });
      expect(await refused.exit()).toBe(1);
      expect(refused.output).toContain('is a copy of');
    },
    90_000,
  );

  asRoot(
    'runs as an ordinary user with DATA_DIR in a closed home',
    async () => {
      const name = `sbtest${process.pid}`;
      execFileSync('useradd', ['--system', '--user-group', '--no-create-home', name]);
      try {
        const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' })));
        const account = { uid: uid ?? 0, gid: gid ?? 0 };
        if (spawnSync('test', ['-r', path.resolve('dist/apps/standalone/main.js')], account).status !== 0) {
          console.log('Left out: an ordinary user cannot read this checkout.');
          return;
        }
        const home = path.join(folder, 'home');
        mkdirSync(home, { mode: 0o700 });
        chownSync(home, account.uid, account.gid);
        const dataDir = path.join(home, 'data');
        dataDirs.push(dataDir);
        const run = await start({ dataDir, account, env: { HOME: home } });
        expect(await run.isReady()).toBe(true);
        expect(statSync(clusterOf(dataDir)).uid).toBe(account.uid);
        expect(await run.stop()).toBe(0);
        expect(leftOver(dataDir)).toEqual([]);
      } finally {
        spawnSync('userdel', [name]);
      }
    },
    90_000,
  );
});
