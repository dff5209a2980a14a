import { jest } from '@jest/globals';
import { DIALECTS } from '../../apps/api/dialects.js';
import { startHub, type Hub } from '../support/harness.js';
import type { Driver, Facts } from './dialects/driver.js';
import { DRIVERS } from './dialects/drivers.js';
import { Living, type Told } from './dialects/living.js';
import { V1_DRIVER } from './dialects/v1.driver.js';
import { KINDS, newWorld, type Kind, type Life, type World } from './dialects/world.js';

jest.setTimeout(120_000);

let hub: Hub;
let world: World;
beforeAll(async () => {
  hub = await startHub();
  world = await newWorld(hub, hub.admin);
});
afterAll(() => hub.stop());

/** What a contract shows of the facts. */
function shownBy({ shows, hears }: Driver, kind: Kind, facts: Facts): Partial<Facts> {
  const seen: Facts = { ...facts, lines: facts.lines.filter(({ standing }) => hears.includes(standing)) };
  return Object.fromEntries(shows[kind].map((fact) => [fact, seen[fact]]));
}

/** Holds every dialect to the facts. */
async function everybodySees(life: Life, step: string, facts: Facts): Promise<void> {
  const readers = DRIVERS.filter(({ shows }) => shows[life.kind].length > 0);
  const seen = await Promise.all(readers.map(async (one) => [one.name, await one.facts(life)]));
  const expected = readers.map((one) => [one.name, shownBy(one, life.kind, facts)]);
  expect({ step, ...Object.fromEntries(seen) }).toEqual({ step, ...Object.fromEntries(expected) });
}

const natives = new Map<string, Promise<readonly Told[]>>();
/** The same life, done natively from end to end by the same author. */
function nativeLife({ author }: Driver, kind: Kind): Promise<readonly Told[]> {
  const key = `${author} ${kind}`;
  const known = natives.get(key) ?? Living.of({ ...NATIVE, author }, world, kind).then(({ told }) => told);
  natives.set(key, known);
  return known;
}
const NATIVE: Driver = { ...V1_DRIVER, opening: undefined } as never;

it('has a driver for every dialect that is served', () => {
  expect(DRIVERS.map(({ name }) => name).sort()).toEqual(DIALECTS.map(({ name }) => name).sort());
});

describe.each(DRIVERS)('through $name', (driver) => {
  it.each(KINDS)('a %s lives as it does natively, and every dialect shows it', async (kind) => {
    const { told } = await Living.of(driver, world, kind, everybodySees);
    expect(told).toEqual(await nativeLife(driver, kind));
  });
});
