import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { leftOver, makeFolder, removeFolders, StandaloneRun, until } from '../support/standalone-run.js';

interface Listed {
  data: { id: string }[];
}

const kill = (...pids: number[]): void => pids.forEach((pid) => process.kill(pid, 'SIGKILL'));

describe('npm start: one installation through its life', () => {
  const folder = makeFolder();
  chmodSync(folder, 0o755);
  const dataDir = path.join(folder, 'data');
  const runs: StandaloneRun[] = [];
  let run: StandaloneRun;
  let key = '';

  const start = async (): Promise<void> => {
    run = await StandaloneRun.start({ dataDir });
    runs.push(run);
  };
  const conversations = async (): Promise<number> => (await run.call<Listed>(key, '/v1/conversations')).data.length;
  const backToHealth = (): Promise<void> =>
    until(
      () => run.isReady(),
      20_000,
      () => run.output,
    );

  afterAll(() => removeFolders([dataDir], runs));

  it('prints URL, key and three lines to try, which work as they are', async () => {
    await start();
    key = run.key ?? '';
    expect(key).toMatch(/^sk_/);
    expect(run.output).toContain(`${run.url}/docs`);
    expect(await run.isReady()).toBe(true);
    const lines = run.output.split('\n').filter((line) => /\bcurl -sS /.test(line));
    expect(lines).toHaveLength(3);
    const answer = execFileSync('sh', ['-ec', lines.join('\n')], { encoding: 'utf8' });
    expect(answer).toContain('"conv_');
    expect(await conversations()).toBe(1);
  }, 90_000);

  it('keeps logs and secrets in DATA_DIR, out of the sight of others', () => {
    expect(readFileSync(path.join(dataDir, 'logs/api.log'), 'utf8')).toContain('api.listening');
    expect(readFileSync(path.join(dataDir, 'secret.key'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    expect(run.output).not.toContain('"level"');
  });

  it('refuses a second start on the same DATA_DIR and leaves the first alone', async () => {
    const second = StandaloneRun.spawn({ dataDir });
    runs.push(second);
    expect(await second.exit()).toBe(1);
    expect(second.output).toContain(`already running on ${dataDir}`);
    expect(second.output).toContain(run.url);
    expect(await conversations()).toBe(1);
  }, 30_000);

  it.each(['api', 'worker'] as const)(
    'starts the %s again after kill -9',
    async (name) => {
      const before = run.processes()[name];
      kill(before);
      await until(
        () => ![0, before].includes(run.processes()[name]),
        20_000,
        () => run.output,
      );
      await backToHealth();
      expect(await conversations()).toBe(1);
    },
    40_000,
  );

  it('starts PostgreSQL again after kill -9 of it', async () => {
    kill(run.processes().postgres);
    await until(
      () => run.output.includes('PostgreSQL is back'),
      30_000,
      () => run.output,
    );
    await backToHealth();
    expect(await conversations()).toBe(1);
  }, 40_000);

  it('stops everything on Ctrl-C within seconds, and has the data at the next start', async () => {
    const pids = Object.values(run.processes());
    expect(pids.every((pid) => pid > 0)).toBe(true);
    const since = Date.now();
    expect(await run.stop('SIGINT')).toBe(0);
    expect(Date.now() - since).toBeLessThan(8000);
    expect(leftOver(dataDir, pids)).toEqual([]);
    await start();
    expect(run.key).toBeUndefined();
    expect(await conversations()).toBe(1);
  }, 60_000);

  it('outlives kill -9 of the parent: api and worker follow it, the next start goes on with the same PostgreSQL', async () => {
    const { main, api, worker, postgres } = run.processes();
    kill(main);
    await until(
      () => leftOver('none', [api, worker]).length === 0,
      12_000,
      () => leftOver('none', [api, worker]).join(),
    );
    await start();
    expect(run.processes().postgres).toBe(postgres);
    expect(await conversations()).toBe(1);
  }, 60_000);

  it('outlives kill -9 of all', async () => {
    kill(...Object.values(run.processes()));
    await start();
    expect(await conversations()).toBe(1);
    expect(await run.stop('SIGTERM')).toBe(0);
    expect(leftOver(dataDir)).toEqual([]);
  }, 60_000);

  it('can be interrupted at any moment of a start', async () => {
    for (const after of [100, 700, 1300]) {
      const early = StandaloneRun.spawn({ dataDir });
      runs.push(early);
      await new Promise((resolve) => setTimeout(resolve, after));
      await early.stop('SIGINT');
      expect(leftOver(dataDir, [early.pid])).toEqual([]);
    }
  }, 60_000);
});
