import 'reflect-metadata';
import { Standalone } from './standalone.js';

/** npm and the terminal each hand on the same Ctrl-C: within this time it is one. */
const SAME_KEYPRESS_MS = 800;

const say = (line: string): void => console.log(line);
let app: Standalone | undefined;
let starting: Promise<void> = Promise.resolve();
let stoppingSince = 0;

async function end(code: number, why?: string): Promise<void> {
  if (stoppingSince > 0) return;
  stoppingSince = Date.now();
  if (why) console.error(why);
  try {
    await app?.stop();
    await starting.catch(() => undefined);
    await app?.stop(); // what a start in progress had still brought up
  } catch (error) {
    console.error((error as Error).message);
    code = 1;
  }
  process.exit(code);
}

async function force(): Promise<void> {
  console.error('Stopping at once.');
  await app?.kill().catch(() => undefined);
  process.exit(1);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (stoppingSince === 0) void end(0, '\nStopping ...');
    else if (Date.now() - stoppingSince > SAME_KEYPRESS_MS) void force();
  });
}

try {
  app = new Standalone(process.env, say, (error) => void end(1, error.message));
  starting = app.start();
  await starting;
} catch (error) {
  await end(1, (error as Error).message);
}
