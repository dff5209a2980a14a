import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureFirstOrganization } from '@hub/identity/bootstrap.js';
import { readIfThere, replaceFile } from './data-dir.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { greeting } from './greeting.js';
import { LogFile } from './log-file.js';
import { databaseUrls, migrateDatabase, type DatabaseUrls } from './migrate-database.js';
import { anyFreePort, isFree } from './ports.js';
import { sleep } from './processes.js';
import { localUrl, readSettings, type Settings } from './settings.js';
import { StartLock } from './start-lock.js';
import { SupervisedProgram } from './supervised-program.js';

const APPS = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const DEFAULT_PORT = 3000;
const DEFAULT_WORKER_PORT = 3001;
const PROGRAM_PATIENCE_MS = 3500;
const POSTGRES_PATIENCE_S = 5;
const PORT_PATIENCE_MS = 5000;
const HOLD_ATTEMPTS = 10;

/** `npm start`: PostgreSQL, the schema, the first key, then the API and the worker, until told to stop. */
export class Standalone {
  private readonly settings: Settings;
  private postgres: EmbeddedPostgres | undefined;
  private lock: StartLock | undefined;
  private programs: SupervisedProgram[] = [];
  private stopping = false;

  constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly say: (line: string) => void,
    private readonly onFatal: (error: Error) => void,
  ) {
    this.settings = readSettings(env);
  }

  /** @throws Error when it cannot be; {@link stop} is to be called either way. */
  async start(): Promise<void> {
    const wasKilled = existsSync(this.runningFile);
    const urls = this.settings.embedded ? await this.startPostgres() : this.externalUrls();
    const port = await this.choosePort('PORT', this.settings.port, DEFAULT_PORT, wasKilled);
    const workerPort = await this.choosePort(
      'WORKER_PORT',
      this.settings.workerPort,
      DEFAULT_WORKER_PORT,
      wasKilled,
      port,
    );
    const url = localUrl(this.settings.host, port);
    this.checkStopping();
    const applied = await migrateDatabase(urls);
    if (applied.length > 0) this.say(`Applied ${applied.length} database migration${applied.length > 1 ? 's' : ''}.`);
    const given = this.env['BOOTSTRAP_API_KEY'] || undefined;
    const { createdKey } = await ensureFirstOrganization(urls.app, given);
    try {
      this.checkStopping();
      replaceFile(this.runningFile, JSON.stringify({ pid: process.pid, url }));
      await this.startPrograms(port, workerPort);
    } catch (error) {
      if (createdKey) this.say(`The admin API key, made just now and shown this once: ${createdKey}`);
      throw error;
    }
    this.say(greeting(url, this.settings, { created: createdKey, given: given !== undefined }));
  }

  /** Everything down in order: those who use the database first. May be called again. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.programs.map((program) => program.stop(PROGRAM_PATIENCE_MS)));
    await this.stopPostgres('fast');
  }

  /** Everything down now. */
  async kill(): Promise<void> {
    this.stopping = true;
    for (const program of this.programs) program.kill();
    await this.stopPostgres('immediate');
  }

  private get runningFile(): string {
    return path.join(this.settings.dataDir, 'running.json');
  }

  private checkStopping(): void {
    if (this.stopping) throw new Error('Stopped while starting.');
  }

  private externalUrls(): DatabaseUrls {
    return databaseUrls(this.env);
  }

  private async startPostgres(): Promise<DatabaseUrls> {
    const postgres = await EmbeddedPostgres.open({ dataDir: this.settings.dataDir });
    await this.holdPostgres(postgres);
    return this.embeddedUrls(postgres);
  }

  private embeddedUrls(postgres: EmbeddedPostgres): DatabaseUrls {
    return { app: postgres.appUrl, owner: postgres.ownerUrl };
  }

  /** Has the server running and the lock in it; again when it went away between the two, as when another start ends. */
  private async holdPostgres(postgres: EmbeddedPostgres): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await postgres.start();
      try {
        const lock = await StartLock.take(postgres.ownerUrl, () => void this.recoverPostgres(postgres));
        if (!lock) throw new AlreadyRunning(this.settings.dataDir, readIfThere(this.runningFile));
        this.lock = lock;
        this.postgres = postgres;
        return;
      } catch (error) {
        if (error instanceof AlreadyRunning || attempt === HOLD_ATTEMPTS) throw error;
        await sleep(500);
      }
    }
  }

  /** The server died. The programs hold out until it is back; only when its port had to change are they started anew. */
  private async recoverPostgres(postgres: EmbeddedPostgres): Promise<void> {
    if (this.stopping) return;
    this.say('PostgreSQL has stopped; starting it again.');
    const before = postgres.appUrl;
    try {
      await this.holdPostgres(postgres);
    } catch (error) {
      if (!this.stopping) this.onFatal(error as Error);
      return;
    }
    if (postgres.appUrl !== before) for (const program of this.programs) program.restart();
    this.say('PostgreSQL is back.');
  }

  private async stopPostgres(mode: 'fast' | 'immediate'): Promise<void> {
    const { postgres, lock } = this;
    if (!this.settings.embedded) rmSync(this.runningFile, { force: true });
    if (!postgres || !lock) return;
    this.lock = undefined;
    this.postgres = undefined;
    rmSync(this.runningFile, { force: true });
    await postgres.stop(mode, POSTGRES_PATIENCE_S);
    await lock.release();
  }

  /**
   * A port that was asked for must be free; after a kill its old holder may take a moment to go. Otherwise the default,
   * or any other one.
   */
  private async choosePort(
    name: 'PORT' | 'WORKER_PORT',
    asked: number | undefined,
    usual: number,
    wasKilled: boolean,
    besides?: number,
  ): Promise<number> {
    const { host } = this.settings;
    const wanted = asked ?? usual;
    for (const until = Date.now() + (wasKilled ? PORT_PATIENCE_MS : 0); ; await sleep(100)) {
      this.checkStopping();
      if (wanted !== besides && (await isFree(wanted, host))) return wanted;
      if (Date.now() >= until || wanted === besides) break;
    }
    if (asked) throw new Error(`${name}=${asked} is taken on ${host} by another program. Choose another ${name}.`);
    let other = await anyFreePort(host);
    while (other === besides) other = await anyFreePort(host);
    if (name === 'PORT') this.say(`Port ${usual} is taken; using ${other} (PORT chooses one).`);
    return other;
  }

  private async startPrograms(port: number, workerPort: number): Promise<void> {
    const env = (): NodeJS.ProcessEnv => {
      const urls = this.postgres ? this.embeddedUrls(this.postgres) : this.externalUrls();
      return {
        ...this.env,
        ...this.settings.env,
        DATABASE_URL: urls.app,
        MIGRATION_DATABASE_URL: urls.owner,
        PORT: String(port),
        WORKER_PORT: String(workerPort),
      };
    };
    this.programs = (['api', 'worker'] as const).map((name) => {
      const log = new LogFile(path.join(this.settings.logDir, `${name}.log`), name, this.say);
      return new SupervisedProgram(name, path.join(APPS, name, 'main.js'), env, log, this.say);
    });
    await Promise.all(this.programs.map((program) => program.start()));
  }
}

class AlreadyRunning extends Error {
  constructor(dataDir: string, running: string | null) {
    const { pid, url } = JSON.parse(running ?? '{}') as { pid?: number; url?: string };
    super(
      `Switchboard is already running on ${dataDir}${url ? ` (${url}, process ${pid})` : ''}.\n` +
        'Stop that one first, or choose another DATA_DIR and PORT to run a second one beside it.',
    );
  }
}
