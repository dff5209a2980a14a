import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { findClusterHome, SYSTEM_HOME, type ClusterHome } from './cluster-home.js';
import {
  isRoot,
  keepOnce,
  lastLines,
  openDataDir,
  randomSecret,
  readIfThere,
  replaceFile,
  rotate,
} from './data-dir.js';
import { nativeBinaries, type NativeBinaries } from './native-binaries.js';
import { anyFreePort, isFree } from './ports.js';
import { isAlive, processesIn, run, sleep } from './processes.js';

const HOST = '127.0.0.1';
const ADMIN = 'postgres';
const DATABASE = 'switchboard';
export const OWNER_ROLE = 'switchboard_owner';
export const APP_ROLE = 'switchboard_app';
const SETUP_LOCK = 0x5_0b0a_0005;
const START_TIMEOUT_MS = 120_000; // a crash recovery may take its time
const ATTEMPTS = 6;

export interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  /** Server settings of PostgreSQL beside ours; values without spaces. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Throw-away data: no waiting for the disk. */
  readonly temporary?: boolean;
}

interface Credentials {
  readonly admin: string;
  readonly owner: string;
  readonly app: string;
}

/** What is to be seen of the server: `down`, `busy` (starting, recovering, dying) or the port it answers on. */
type Sighting = 'down' | 'busy' | number;

/**
 * The PostgreSQL that `npm start` brings along. Its server is a process of its own that outlives a killed node; the
 * next start finds it by its data folder and goes on with it. It listens on loopback only, for three roles with
 * generated passwords: the cluster's administrator, the owner of the product's database, and the application.
 */
export class EmbeddedPostgres {
  private port = 0;

  private constructor(
    private readonly dataDir: string,
    private readonly home: ClusterHome,
    private readonly binaries: NativeBinaries,
    private readonly credentials: Credentials,
    private readonly options: EmbeddedPostgresOptions,
  ) {}

  /** Finds or chooses everything that a start needs. Nothing runs yet. */
  static async open(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const dataDir = openDataDir(options.dataDir);
    const home = await findClusterHome(dataDir);
    const binaries = await nativeBinaries(home.account, isRoot ? SYSTEM_HOME : dataDir);
    const file = path.join(dataDir, 'postgres.json');
    const orphaned = existsSync(path.join(home.folder, 'PG_VERSION')) && !existsSync(file);
    if (orphaned) throw new Error(`${file} with the passwords of the database in ${home.folder} is missing.`);
    const make = (): string =>
      JSON.stringify({ admin: randomSecret(24), owner: randomSecret(24), app: randomSecret(24) });
    return new EmbeddedPostgres(dataDir, home, binaries, JSON.parse(keepOnce(file, make)) as Credentials, options);
  }

  /** Superuser, for the cluster itself: no process of the product gets it. */
  get adminUrl(): string {
    return this.url(ADMIN, this.credentials.admin, 'postgres');
  }
  /** Owns the tables and migrates them. */
  get ownerUrl(): string {
    return this.url(OWNER_ROLE, this.credentials.owner, DATABASE);
  }
  /** What the processes connect as. */
  get appUrl(): string {
    return this.url(APP_ROLE, this.credentials.app, DATABASE);
  }
  get logFile(): string {
    return path.join(path.dirname(this.home.folder), 'postgres.log');
  }

  /**
   * Starts the server, or goes on with the one that runs on this data already, and makes sure of roles and database.
   * Several at once on the same data end up on one server.
   */
  async start(): Promise<void> {
    await this.initialize();
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (let failures = 0; ;) {
      const seen = await this.look();
      if (typeof seen === 'number') {
        this.port = seen;
        break;
      }
      if (seen === 'down') {
        const output = await this.launch(failures > 0);
        if (output !== null && ++failures === ATTEMPTS) throw this.failure(output);
      }
      if (Date.now() > deadline) throw this.failure('It does not get ready.');
      if (failures > 0 || seen === 'busy') await sleep(200);
    }
    replaceFile(path.join(this.dataDir, 'postgres.port'), `${this.port}\n`);
    await this.ensureDatabase();
  }

  /** Rolls open transactions back and returns when no process of the server is left. */
  async stop(mode: 'fast' | 'immediate' = 'fast', timeoutSeconds = 20): Promise<void> {
    const stop = (how: string): ReturnType<typeof run> =>
      this.pgCtl(['-m', how, '-w', '-t', String(timeoutSeconds), 'stop']);
    if (!(await stop(mode)).ok && (await this.look()) !== 'down') await stop('immediate');
    for (let i = 0; i < 50 && (processesIn(this.home.folder)?.length ?? 0) > 0; i++) await sleep(20);
  }

  private url(role: string, password: string, database: string): string {
    return `postgres://${role}:${password}@${HOST}:${this.port}/${database}`;
  }

  private pgCtl(args: readonly string[]): ReturnType<typeof run> {
    return run(this.binaries.program('pg_ctl'), ['-D', this.home.folder, ...args], this.home.account);
  }

  private failure(reason: string): Error {
    return new Error(
      `PostgreSQL does not start on ${this.home.folder}:\n${reason}\nThe last lines of ${this.logFile}:\n${lastLines(this.logFile, 12)}`,
    );
  }

  /** Makes the cluster beside its place, then moves it there: a starter killed halfway, or a second one, spoils nothing. */
  private async initialize(): Promise<void> {
    const { folder, account } = this.home;
    const version = readIfThere(path.join(folder, 'PG_VERSION'))?.trim();
    if (version === this.binaries.major) return;
    if (version) {
      throw new Error(
        `The database in ${folder} is of PostgreSQL ${version}, the programs are ${this.binaries.major}: start the version ` +
          `of Switchboard that made it, copy its data out, and bring them into a new DATA_DIR.`,
      );
    }
    this.removeDrafts();
    const draft = `${folder}.${process.pid}.tmp`;
    const passwordFile = `${draft}.password`;
    mkdirSync(draft, { mode: 0o700 });
    writeFileSync(passwordFile, this.credentials.admin, { mode: 0o600 });
    if (account) for (const file of [draft, passwordFile]) chownSync(file, account.uid, account.gid);
    try {
      let made = await this.initdb(draft, passwordFile, process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8');
      if (!made.ok) made = await this.initdb(draft, passwordFile, 'C'); // that locale is not installed
      if (!made.ok) throw new Error(`The database could not be made in ${folder}:\n${made.output}`);
      if (!existsSync(path.join(folder, 'PG_VERSION'))) renameSync(draft, folder);
    } catch (error) {
      if (!existsSync(path.join(folder, 'PG_VERSION'))) throw error;
    } finally {
      rmSync(passwordFile, { force: true });
      rmSync(draft, { recursive: true, force: true });
    }
  }

  /** The built-in collation is the same on every system; the character classes (trigram search) are the C library's. */
  private initdb(folder: string, passwordFile: string, characters: string): ReturnType<typeof run> {
    const args = ['-D', folder, '-U', ADMIN, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8'];
    args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', `--lc-ctype=${characters}`);
    args.push('--no-instructions', ...(this.options.temporary ? ['--no-sync'] : []));
    return run(this.binaries.program('initdb'), args, this.home.account);
  }

  private removeDrafts(): void {
    const parent = path.dirname(this.home.folder);
    for (const name of readdirSync(parent)) {
      const pid = /^postgres\.(\d+)\.tmp/.exec(name)?.[1];
      if (pid && !isAlive(Number(pid))) rmSync(path.join(parent, name), { recursive: true, force: true });
    }
  }

  private async look(): Promise<Sighting> {
    const lines = readIfThere(path.join(this.home.folder, 'postmaster.pid'))?.split('\n') ?? [];
    const [pid, port] = [Number(lines[0]), Number(lines[3])];
    const present = processesIn(realpathSync(this.home.folder));
    const alive = present ? present.length > 0 : pid > 0 && isAlive(pid);
    if (!alive) {
      if (present && pid) rmSync(path.join(this.home.folder, 'postmaster.pid'), { force: true }); // its process id may be someone else's by now
      return 'down';
    }
    return port > 0 && (await this.answers(port)) ? port : 'busy';
  }

  /** Whether the server on `port` is ready and is ours, and not another one that got the port of a dead one of ours. */
  private async answers(port: number): Promise<boolean> {
    const client = new pg.Client({
      connectionString: `postgres://${ADMIN}:${this.credentials.admin}@${HOST}:${port}/postgres`,
      connectionTimeoutMillis: 3000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ folder: string }>(`SELECT current_setting('data_directory') AS folder`);
      return rows[0] !== undefined && realpathSync(rows[0].folder) === realpathSync(this.home.folder);
    } catch (error) {
      if ((error as { code?: string }).code !== '28P01') return false;
      throw this.failure(`It refuses the password in ${path.join(this.dataDir, 'postgres.json')}.`);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** @returns null when the server is up, else what it said */
  private async launch(otherPort: boolean): Promise<string | null> {
    const kept = Number(readIfThere(path.join(this.dataDir, 'postgres.port')));
    const port = !otherPort && kept > 0 && (await isFree(kept, HOST)) ? kept : await anyFreePort(HOST);
    this.openLog();
    const settings = {
      listen_addresses: HOST,
      unix_socket_directories: '',
      max_connections: 200,
      jit: 'off',
      log_checkpoints: 'off',
      ...(this.options.temporary && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
      ...this.options.settings,
    };
    const words = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    const started = await this.pgCtl([
      '-l',
      this.logFile,
      '-w',
      '-t',
      '30',
      '-o',
      `-p ${port} ${words.join(' ')}`,
      'start',
    ]);
    return started.ok ? null : started.output;
  }

  private openLog(): void {
    rotate(this.logFile);
    writeFileSync(this.logFile, '', { flag: 'a', mode: 0o600 });
    chmodSync(this.logFile, 0o600);
    const { account } = this.home;
    if (account) chownSync(this.logFile, account.uid, account.gid);
  }

  private async ensureDatabase(): Promise<void> {
    const admin = new pg.Client({ connectionString: this.adminUrl });
    await admin.connect();
    try {
      await admin.query('SELECT pg_advisory_lock($1)', [SETUP_LOCK]);
      for (const [role, password] of [
        [OWNER_ROLE, this.credentials.owner],
        [APP_ROLE, this.credentials.app],
      ] as const) {
        const { rowCount } = await admin.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
        if (rowCount) continue;
        await admin.query(
          `CREATE ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '${password}'`,
        );
      }
      const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
      if (!rowCount) await admin.query(`CREATE DATABASE ${DATABASE} OWNER ${OWNER_ROLE}`);
    } finally {
      await admin.end();
    }
  }
}
