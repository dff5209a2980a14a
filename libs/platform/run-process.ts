const CLOSE_TIMEOUT_MS = 10_000;

/** A started process: where it listens and how it stops. */
export interface Running {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/**
 * Starts a process and ends it cleanly on SIGTERM, SIGINT, or when the parent that started it is gone, in ten seconds
 * at the latest. A failed start says why in one line and exits with 1. A parent is sent `{ready, url}`.
 */
export async function runProcess(name: string, start: () => Promise<Running>): Promise<void> {
  let running: Running | null = null;
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), CLOSE_TIMEOUT_MS).unref();
    void (running?.close() ?? Promise.resolve()).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.once('disconnect', stop);
  try {
    running = await start();
    process.send?.({ ready: true, url: running.url });
  } catch (error) {
    process.stderr.write(`The ${name} could not start: ${explain(error)}\n`);
    process.exit(1);
  }
}

function explain(error: unknown): string {
  const { code, port, message } = error as { code?: string; port?: number; message?: string };
  if (code === 'EADDRINUSE') return `port ${port} is taken; choose another with PORT or WORKER_PORT`;
  if (code === 'ECONNREFUSED') return `PostgreSQL does not answer at DATABASE_URL (${message})`;
  return message ?? String(error);
}
