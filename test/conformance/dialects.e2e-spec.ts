import { jest } from '@jest/globals';
import { DIALECTS } from '../../apps/api/dialects.js';
import * as v1 from '../dialects/v1/v1-fixtures.js';
import type { Answer } from '../support/api-client.js';
import { startHub, type Hub } from '../support/harness.js';
import { shownBy, type Acts, type Driver, type Facts } from './dialects/driver.js';
import { DRIVERS } from './dialects/drivers.js';
import { authorOf, Living, type Told } from './dialects/living.js';
import { V1_DRIVER } from './dialects/v1.driver.js';
import { KINDS, newWorld, type Kind, type Life, type World } from './dialects/world.js';

jest.setTimeout(120_000);

let hub: Hub;
let world: World;
let elsewhere: World;
beforeAll(async () => {
  hub = await startHub();
  world = await newWorld(hub, hub.admin);
  elsewhere = await newWorld(hub, await hub.newOrganization('Elsewhere'));
});
afterAll(() => hub.stop());

/** What a step tells; a conversation's assignee becomes the staff of its ticket. */
function toldOf(step: string, kind: Kind): readonly string[] {
  const opening = { ticket: ['conversation.assigned'], team: [], phone: [], chat: [] }[kind];
  const known: Readonly<Record<string, readonly string[]>> = {
    open: [...(kind === 'phone' ? ['contact.created'] : []), 'conversation.created', ...opening],
    write: ['message.sent'],
    answer: ['message.received'],
    note: ['conversation.updated'],
    draft: ['message.draft.submitted'],
    waiting: [],
    assign: ['conversation.assigned', ...(kind === 'ticket' || kind === 'chat' ? ['ticket.updated'] : [])],
    unassign: ['conversation.unassigned'],
    close: ['conversation.closed'],
    reopen: ['conversation.reopened'],
    archive: ['conversation.closed', 'conversation.updated'],
  };
  return known[step] ?? [];
}

/** Holds every dialect to the facts. */
async function everybodySees(life: Life, step: string, facts: Facts): Promise<void> {
  const readers = DRIVERS.filter(({ shows }) => shows[life.kind].length > 0);
  const seen = await Promise.all(readers.map(async (one) => [one.name, await one.facts(life)]));
  const expected = readers.map((one) => [one.name, shownBy(one, life.kind, facts)]);
  expect({ step, ...Object.fromEntries(seen) }).toEqual({ step, ...Object.fromEntries(expected) });
}

/** The same life, done natively from end to end by the same author. */
const natives = new Map<string, Promise<readonly Told[]>>();
function nativeLife({ author }: Driver, kind: Kind): Promise<readonly Told[]> {
  const key = `${author} ${kind}`;
  const known = natives.get(key) ?? Living.of({ ...V1_DRIVER, author }, world, kind).then(({ told }) => told);
  natives.set(key, known);
  return known;
}

it('has a driver for every dialect that is served', () => {
  expect(DRIVERS.map(({ name }) => name).sort()).toEqual(DIALECTS.map(({ name }) => name).sort());
});

it.each(KINDS)('tells of the life of a %s what each step is', async (kind) => {
  const told = await nativeLife(V1_DRIVER, kind);
  const steps = told.filter(({ step }) => step !== 'join');
  const types = steps.map(({ step, events }) => [step, events.map((event) => v1.at(event, 'type'))]);
  expect(types).toEqual(steps.map(({ step }) => [step, toldOf(step, kind)]));
});

/** Everything that the contract can change of a ticket's conversation. */
function everyAct({ offers, opening }: Driver, life: Life, to: World): [string, () => Promise<Answer<unknown>>][] {
  const { write, answer, assign, unassign, close, reopen, archive } = offers;
  const acts: [keyof Acts | 'open', (() => Promise<Answer<unknown>>) | undefined][] = [
    ['open', opening?.of.includes('ticket') ? () => opening.act(life) : undefined],
    ['write', write && (() => write.act(life, 'Hello'))],
    ['answer', answer && (() => answer.act(life, 'Hello'))],
    ['assign', assign && (() => assign.act(life, to.other))],
    ['unassign', unassign && (() => unassign.act(life))],
    ['close', close && (() => close.act(life))],
    ['reopen', reopen && (() => reopen.act(life))],
    ['archive', archive && (() => archive.act(life))],
  ];
  return acts.flatMap(([name, act]) => (act ? [[name, act]] : []));
}

describe.each(DRIVERS)('through $name', (driver) => {
  it.each(KINDS)('a %s lives as it does natively, and every dialect shows it', async (kind) => {
    const { told } = await Living.of(driver, world, kind, everybodySees);
    expect(told).toEqual(await nativeLife(driver, kind));
  });

  it('nothing of another organization is there', async () => {
    const { life: theirs } = await Living.begun(V1_DRIVER, world, 'ticket');
    const { life: ours } = await Living.begun(V1_DRIVER, elsewhere, 'ticket');
    const before = await v1.checksum(hub);
    for (const company of [elsewhere.company, world.company]) {
      const stranger = { ...elsewhere, company };
      const seen = { ...theirs, world: stranger, author: authorOf(driver, elsewhere), contact: ours.contact };
      for (const [act, work] of everyAct(driver, seen, elsewhere)) {
        expect([act, (await work()).status]).toEqual([act, 404]);
      }
      await expect(driver.facts(seen)).rejects.toThrow(/^404 /);
    }
    const assign = driver.offers.assign?.act;
    if (assign) expect((await assign({ ...ours, author: authorOf(driver, elsewhere) }, world.other)).status).toBe(404);
    expect(await v1.checksum(hub)).toEqual(before);
  });

  it('two organizations keep apart what has the same numbers', async () => {
    const theirs = await Living.begun(V1_DRIVER, world, 'ticket');
    const ours = await Living.begun(V1_DRIVER, elsewhere, 'ticket');
    await ours.renumber(theirs.life);
    await theirs.say('write', 'Said by them');
    await ours.say('write', 'Said by us');
    const before = await V1_DRIVER.facts(theirs.life);
    const life = { ...ours.life, author: authorOf(driver, elsewhere) };
    expect(await driver.facts(life)).toEqual(shownBy(driver, 'ticket', (await V1_DRIVER.facts(life)) as Facts));
    for (const [, work] of everyAct(driver, life, elsewhere)) await work();
    expect(await V1_DRIVER.facts(theirs.life)).toEqual(before);
  });
});
