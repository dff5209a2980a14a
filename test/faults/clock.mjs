// Loaded by a worker before everything else: at every SIGUSR2 its clock jumps ten minutes ahead, ten behind, back.
const Real = Date;
const JUMPS = [600_000, -600_000, 0];
let jumps = 0;
let offset = 0;
process.on('SIGUSR2', () => (offset = JUMPS[jumps++ % JUMPS.length]));

globalThis.Date = class extends Real {
  /** @param {any[]} args */
  constructor(...args) {
    // @ts-expect-error the arguments of any of its forms
    super(...(args.length > 0 ? args : [Real.now() + offset]));
  }
  static now() {
    return Real.now() + offset;
  }
};
