import * as v1 from '../../dialects/v1/v1-fixtures.js';
import type { Answer } from '../../support/api-client.js';
import type { Acts, Driver, Facts, Line, Standing } from './driver.js';
import { draft, join, NATIVELY, note, open, V1_DRIVER } from './v1.driver.js';
import { learn, newLife, type Kind, type Life, type World } from './world.js';

/** One step of a life, with everything that was told of it: ids and times aside. */
export interface Told {
  readonly step: string;
  readonly events: readonly unknown[];
}

/** What is so after a step. */
export type Watcher = (life: Life, step: string, facts: Facts) => Promise<void>;

type Truth = { -readonly [F in keyof Facts]: Facts[F] };

/** Where nothing leaves the house before the worker has sent it, or nothing can be sent at all. */
const OUTBOUND: Readonly<Record<Kind, Standing | null>> = {
  ticket: 'said',
  team: 'said',
  chat: 'waiting',
  phone: null,
};
const CHANNELS: Readonly<Record<Kind, string>> = {
  ticket: 'internal',
  team: 'internal',
  chat: 'api',
  phone: 'whatsapp',
};

/** One conversation from its opening to its end: each act by `driver` if its contract offers it, natively otherwise. */
export class Living {
  readonly told: Told[] = [];
  private readonly lines: Line[] = [];
  private readonly truth: Truth;

  private constructor(
    private readonly driver: Driver,
    private readonly life: Life,
    private readonly watch: Watcher,
  ) {
    const { kind, subject, entityId } = life;
    this.truth = {
      closed: false,
      archived: false,
      assignee: kind === 'ticket' ? 'Ann' : null,
      contact: kind === 'team' ? null : 'Casey',
      channel: CHANNELS[kind],
      subject: kind === 'phone' ? null : subject,
      entity: kind === 'team' ? entityId : null,
      participants: [],
      lines: this.lines,
    };
  }

  static async of(driver: Driver, world: World, kind: Kind, watch: Watcher = async () => {}): Promise<Living> {
    const author = driver.author === 'key' ? world.key : world.staff.api;
    const living = new Living(driver, await newLife(world, kind, author), watch);
    await living.open();
    await living.talk();
    await living.end();
    return living;
  }

  private async open(): Promise<void> {
    const { life, driver } = this;
    const { hub, staff, reader } = life.world;
    const opening = driver.opening?.of.includes(life.kind) ? driver.opening : undefined;
    const { answer, events } = await v1.told(hub, () => (opening?.act ?? open)(life));
    hold(answer);
    const created = events.find(({ type }) => type === 'conversation.created');
    await learn(life, created?.body['data'] as never);
    this.told.push({ step: 'open', events: events.map((event) => this.neutral(event)) });
    if (opening) await this.openAgain(opening.act, opening.again);
    // whoever reads, and whoever writes, where only participants may
    for (const { id } of [staff, reader]) await this.step('join', () => join(life, id));
  }

  private async openAgain(act: (life: Life) => Promise<Answer<unknown>>, again: string): Promise<void> {
    const { answer, events } = await v1.told(this.life.world.hub, () => act(this.life));
    const refused = again === 'is refused' && this.life.kind !== 'ticket' && this.life.kind !== 'team';
    const types = events.map(({ type }) => type);
    if (refused) expect([answer.status, types]).toEqual([409, []]);
    else if (again === 'finds the first') expect([answer.status, types]).toEqual([200, []]);
    else expect(types).toContain('conversation.created');
  }

  private async talk(): Promise<void> {
    const { life } = this;
    const { other, staff } = life.world;
    const standing = OUTBOUND[life.kind];
    if (standing) await this.say('write', 'How can I help?', standing);
    if (life.contact) await this.say('answer', 'The lamp is broken', 'said');
    await this.step(
      'note',
      () => note(life, 'A good customer'),
      () => this.add('A good customer', 'note'),
    );
    if (standing)
      await this.step(
        'draft',
        () => draft(life, 'Take this'),
        () => this.add('Take this', 'draft'),
      );
    await this.twice('assign', (act) => act(life, other), { assignee: 'Ben' });
    await this.twice('unassign', (act) => act(life), { assignee: null });
    await this.twice('assign', (act) => act(life, staff), { assignee: 'Ann' });
    if (standing) await this.say('write', 'Have you tried another bulb?', standing);
  }

  private async end(): Promise<void> {
    const { life } = this;
    await this.twice('close', (act) => act(life), { closed: true });
    await this.refused('write', (act) => act(life, 'Too late'));
    await this.twice('reopen', (act) => act(life), { closed: false });
    if (OUTBOUND[life.kind]) await this.say('write', 'Are you still there?', OUTBOUND[life.kind] ?? 'said');
    await this.twice('archive', (act) => act(life), { closed: true, archived: true });
  }

  /** The same act again answers the same and tells nothing. */
  private async twice<A extends keyof Acts>(
    name: A,
    work: (act: Acts[A]) => Promise<Answer<unknown>>,
    truth: Partial<Truth>,
  ): Promise<void> {
    const act = this.actOf(name);
    const first = await this.step(
      name,
      () => work(act),
      () => void Object.assign(this.truth, truth),
    );
    const { answer, events } = await v1.told(this.life.world.hub, () => work(act));
    expect({ step: `${name} again`, status: answer.status, events }).toEqual({
      step: `${name} again`,
      status: first.status,
      events: [],
    });
  }

  private async refused<A extends keyof Acts>(
    name: A,
    work: (act: Acts[A]) => Promise<Answer<unknown>>,
  ): Promise<void> {
    const { answer, events } = await v1.told(this.life.world.hub, () => work(this.actOf(name)));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(events).toEqual([]);
  }

  private say(name: 'write' | 'answer', text: string, standing: Standing): Promise<unknown> {
    const from = name === 'answer' ? 'Casey' : undefined;
    return this.step(
      name,
      () => this.actOf(name)(this.life, text),
      () => this.add(text, standing, from),
    );
  }

  private add(text: string, standing: Standing, from = this.driver.author === 'key' ? 'no person' : 'Ann'): void {
    this.lines.push({ text, from, standing });
  }

  private actOf<A extends keyof Acts>(name: A): Acts[A] {
    const offered = this.driver.offers[name];
    return offered && (offered.of?.includes(this.life.kind) ?? true) ? offered.act : NATIVELY[name];
  }

  private async step(
    step: string,
    work: () => Promise<Answer<unknown>>,
    then: () => void = () => {},
  ): Promise<Answer<unknown>> {
    const { answer, events } = await v1.told(this.life.world.hub, work);
    hold(answer);
    then();
    this.told.push({ step, events: events.map((event) => this.neutral(event)) });
    const { participants } = (await V1_DRIVER.facts(this.life)) as Facts;
    await this.watch(this.life, step, { ...this.truth, participants });
    return answer;
  }

  /** An event without what is of this one conversation only. */
  private neutral({ type, sequence, body }: v1.StoredEvent): unknown {
    const { phone, entityId, conversation, contact } = this.life;
    const names: [string, string][] = [
      [phone, 'phone'],
      [phone.slice(1), 'phone'],
      [entityId, 'entity'],
      [conversation.id, 'conversation'],
      [contact?.id ?? '', 'contact'],
    ];
    const named = names
      .filter(([id]) => id !== '')
      .reduce((t, [id, name]) => t.replaceAll(id, `<${name}>`), JSON.stringify(body));
    return { type, sequence, body: unnumbered(v1.golden(JSON.parse(named))) };
  }
}

function hold({ status, text }: Answer<unknown>): void {
  if (status >= 300) throw new Error(`${status} ${text}`);
}

function unnumbered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unnumbered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === 'number' ? '<number>' : unnumbered(inner)]),
  );
}
