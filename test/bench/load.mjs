// Load generators and what is read from their results. Times in milliseconds.
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

/** A keep-alive HTTP client that throws on any status but the 2xx. @param {string} url @param {number} connections */
export function httpClient(url, connections) {
  const pool = new Pool(url, { connections, pipelining: 1 });
  return {
    /** @param {string} method @param {string} path @param {Record<string, string>} headers @param {string} [body] */
    async send(method, path, headers, body) {
      const answer = await pool.request({ method, path, headers, body });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
      return text;
    },
    close: () => pool.destroy(),
  };
}

/**
 * `concurrency` callers, each of which calls again as soon as it has its answer.
 * @param {{ concurrency: number, ms: number, count?: number, stop: AbortSignal }} limits whichever comes first
 * @param {(caller: number) => Promise<unknown>} call
 */
export async function closedLoop({ concurrency, ms, count = 1e6, stop }, call) {
  /** @type {number[]} */
  const latencies = [];
  const start = performance.now();
  let begun = 0;
  const caller = async (/** @type {number} */ n) => {
    while (begun < count && performance.now() - start < ms && !stop.aborted) {
      begun++;
      const before = performance.now();
      await call(n);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, n) => caller(n)));
  stop.throwIfAborted();
  return { latencies, perSecond: (latencies.length * 1000) / (performance.now() - start) };
}

/**
 * `rate` calls a second, whether or not earlier ones have been answered, so that a slow answer does not spare the next.
 * @param {{ rate: number, ms: number, stop: AbortSignal }} limits @param {(n: number) => Promise<unknown>} call
 */
export async function openLoop({ rate, ms, stop }, call) {
  const start = performance.now();
  const total = Math.round((rate * ms) / 1000);
  const calls = [];
  for (let n = 0; n < total && !stop.aborted; n++) {
    const wait = start + (n * 1000) / rate - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const made = call(n);
    made.catch(() => undefined); // told at the end, by the one that waits for all
    calls.push(made);
  }
  await Promise.all(calls);
  stop.throwIfAborted();
}

/** @param {readonly number[]} values @param {number} share 0 to 1 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** @param {readonly number[]} values */
export const median = (values) => percentile(values, 0.5);

/** Processor time of a process so far; NaN where there is no /proc. @param {number | undefined} pid */
export function cpuMs(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10; // a clock tick is 10 ms on every Linux of today
  } catch {
    return NaN;
  }
}
