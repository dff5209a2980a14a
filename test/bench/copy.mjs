// COPY … FROM STDIN with the driver that is there: rows in PostgreSQL's text format, made while they are sent.
import { once } from 'node:events';

/** Sent at once: large enough for the socket, small enough for memory. */
const CHUNK_BYTES = 256 * 1024;

/** @typedef {string | number | boolean | null} Value */

/**
 * @param {import('pg').Client} client @param {string} target a table and its columns, e.g. `users (id, name)`
 * @param {Iterable<readonly Value[]>} rows @returns {Promise<void>}
 */
export const copyInto = (client, target, rows) =>
  new Promise((resolve, reject) => {
    client.query(new CopyIn(`COPY ${target} FROM STDIN`, rows, (error) => (error ? reject(error) : resolve())));
  });

/** What the driver hands its messages to while it runs; it has none of its own for COPY. */
class CopyIn {
  /** @param {string} text @param {Iterable<readonly Value[]>} rows @param {(error: Error | null) => void} callback */
  constructor(text, rows, callback) {
    this.text = text;
    this.rows = rows;
    this.callback = callback;
    /** @type {Error | null} */
    this.error = null;
  }

  /** @param {any} connection */
  submit(connection) {
    connection.query(this.text);
  }

  /** @param {any} connection */
  handleCopyInResponse(connection) {
    this.send(connection).catch((error) => connection.sendCopyFail(String(error)));
  }

  /** @param {any} connection */
  async send(connection) {
    let chunk = '';
    for (const row of this.rows) {
      chunk += line(row);
      if (chunk.length < CHUNK_BYTES) continue;
      if (this.error) return; // the server has given up
      connection.sendCopyFromChunk(Buffer.from(chunk));
      chunk = '';
      if (connection.stream.writableNeedDrain) await once(connection.stream, 'drain');
    }
    if (chunk) connection.sendCopyFromChunk(Buffer.from(chunk));
    connection.endCopyFrom();
  }

  /** @param {Error} error */
  handleError(error) {
    this.error = error;
  }

  handleCommandComplete() {}

  handleReadyForQuery() {
    this.callback(this.error);
  }
}

/** @type {Readonly<Record<string, string>>} */
const ESCAPES = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
/** @param {readonly Value[]} row */
const line = (row) =>
  `${row.map((value) => (value === null ? '\\N' : typeof value === 'string' ? value.replace(/[\\\t\n\r]/g, (found) => ESCAPES[found]) : String(value))).join('\t')}\n`;
