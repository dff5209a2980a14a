// What the benchmarks print: progress on stderr while they run, tables on stdout.
import os from 'node:os';

/** Not a terminal: a line every two seconds will do. */
let lastLine = 0;

/** @param {string} what */
export function progress(what) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${what}`);
  else if (Date.now() - lastLine > 2_000) {
    lastLine = Date.now();
    process.stderr.write(`${what}\n`);
  }
}

/** Removes the progress line, so that a table may follow. */
export const progressDone = () => void (process.stderr.isTTY && process.stderr.write('\r\x1b[2K'));

/** @param {string} what @param {number} done @param {number} total */
export function progressBar(what, done, total) {
  const share = done / total;
  const bar = '#'.repeat(Math.round(share * 20)).padEnd(20, '.');
  progress(`${what} [${bar}] ${Math.round(share * 100)} %`);
}

/** @param {number} value @param {number} [digits] */
export const fixed = (value, digits = 1) => (Number.isFinite(value) ? value.toFixed(digits) : '-');

/** @param {number} value */
export const whole = (value) =>
  Number.isFinite(value) ? String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',') : '-';

/** The first column to the left, figures to the right. @param {string} title @param {string[][]} rows the head first */
export function printTable(title, rows) {
  progressDone();
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (/** @type {string[]} */ row) =>
    widths
      .map((width, i) => (i === 0 ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width)))
      .join('  ')
      .trimEnd();
  console.log(`\n${title}\n`);
  console.log(line(rows[0]));
  console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  for (const row of rows.slice(1)) console.log(line(row));
}

/** @param {string} text */
export function printNote(text) {
  progressDone();
  console.log(text);
}

/** Where the figures come from. */
export function machine() {
  const cpus = os.cpus();
  const load = os.loadavg().map((one) => one.toFixed(2));
  return (
    `${cpus.length} x ${cpus[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(os.totalmem() / 2 ** 30)} GB, ` +
    `${os.platform()} ${os.release()}, node ${process.versions.node}, load ${load.join(' ')} before the run`
  );
}
