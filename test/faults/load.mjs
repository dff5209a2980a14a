// The traffic: domain transactions through the API, one in ten of which PostgreSQL refuses at its commit.
import { sleep } from './servers.mjs';

export const CONVERSATIONS = 200;
const DOOMED = 0.1;
const PATIENCE_MS = 10_000;

/** Mulberry32: the same numbers for the same seed. @param {number} seed @returns {() => number} 0 to 1 */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let loads = 0;

/** `rate` transactions a second, whether or not earlier ones were answered. */
export class Load {
  /** External ids of messages and contacts that a 2xx has promised. @type {string[]} */
  promised = [];
  sent = 0;
  /** Doomed ones, and those among them that were answered with a 2xx all the same. */
  doomed = 0;
  doomedPromises = 0;
  /** Neither promised nor doomed: refused or never answered, because something was down. */
  unanswered = 0;
  /** @type {Set<Promise<void>>} */
  underWay = new Set();
  running = false;
  /** Makes the names of this one's messages and contacts its own. */
  nr = (loads += 1);

  /** The share of new contacts; the rest are messages. */
  contacts = 0.3;

  /** @param {import('./stage.mjs').Stage} stage @param {number} seed */
  constructor(stage, seed) {
    this.stage = stage;
    this.random = randomOf(seed);
  }

  /** @param {number} rate */
  start(rate) {
    this.running = true;
    this.loop = this.run(rate);
  }

  /** Returns when everything has been answered. */
  async stop() {
    this.running = false;
    await this.loop;
    await Promise.all(this.underWay);
  }

  /** @param {number} count at once, more or less */
  async burst(count) {
    for (let n = 0; n < count; n++) this.send();
    await Promise.all(this.underWay);
  }

  /** Writes at `rate` for a while and waits for the answers. @param {number} rate @param {number} ms */
  async during(rate, ms) {
    this.start(rate);
    await sleep(ms);
    await this.stop();
  }

  /** @param {number} rate */
  async run(rate) {
    const start = performance.now();
    for (let n = 0; this.running; n++) {
      const wait = start + (n * 1000) / rate - performance.now();
      if (wait > 0) await sleep(wait);
      if (this.underWay.size < 200) this.send();
    }
  }

  send() {
    const isDoomed = this.random() < DOOMED;
    const isContact = this.random() < this.contacts;
    const person = Math.floor(this.random() * CONVERSATIONS);
    this.sent += 1;
    const name = `${isDoomed ? 'doomed' : 'load'}-${this.nr}-${this.sent}`;
    const call = this.transact(name, isContact ? null : person, isDoomed).finally(() => this.underWay.delete(call));
    this.underWay.add(call);
  }

  /** @param {string} name @param {number | null} person null: a new contact @param {boolean} isDoomed */
  async transact(name, person, isDoomed) {
    this.doomed += Number(isDoomed);
    const done =
      person === null
        ? this.stage.call('POST', '/v1/contacts', { name, externalId: name })
        : this.stage.message(name, person);
    const late = sleep(PATIENCE_MS).then(() => Promise.reject(new Error('not answered')));
    try {
      await Promise.race([done, late]);
      if (isDoomed) this.doomedPromises += 1;
      else this.promised.push(name);
    } catch {
      if (!isDoomed) this.unanswered += 1;
    }
    late.catch(() => undefined);
    done.catch(() => undefined);
  }
}
