import * as v1 from '../../dialects/v1/v1-fixtures.js';
import type { Answer, ApiClient } from '../../support/api-client.js';
import type { Acts, Driver, Facts, Line, Standing } from './driver.js';
import { join, NATIVELY, open, V1_DRIVER, write } from './v1.driver.js';
import { learn, newLife, type Kind, type Life, type World } from './world.js';

/** One step of a life, with everything that was told of it: ids and times aside. */
export interface Told {
  readonly step: string;
  readonly events: readonly unknown[];
}

/** What is so after a step. */
export type Watcher = (life: Life, step: string, facts: Facts) => Promise<void>;

type Truth = { -readonly [F in keyof Facts]: Facts[F] };

const TOMORROW = new Date(Date.now() + 86_400_000).toISOString();

/** Whose channel cannot send yet. */
const MUTE: readonly Kind[] = ['phone'];
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
    readonly life: Life,
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
    const living = await Living.begun(driver, world, kind, watch);
    await living.talk();
    await living.end();
    return living;
  }

  /** Opened, and no more. */
  static async begun(driver: Driver, world: World, kind: Kind, watch: Watcher = async () => {}): Promise<Living> {
    const living = new Living(driver, await newLife(world, kind, authorOf(driver, world)), watch);
    await living.open();
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
    for (const { id } of [reader, staff]) await this.step('join', () => join(life, id));
  }

  private async openAgain(act: (life: Life) => Promise<Answer<unknown>>, again: string): Promise<void> {
    const { answer, events } = await v1.told(this.life.world.hub, () => act(this.life));
    const refused = again === 'is refused' && this.life.kind !== 'ticket' && this.life.kind !== 'team';
    const types = events.map(({ type }) => type);
    if (refused) expect([answer.status, types]).toEqual([409, []]);
    else if (again === 'finds the first') expect([answer.status, types]).toEqual([200, []]);
    else expect(types).toContain('conversation.created');
  }

  /** Gives the conversation and its ticket the numbers that those of another organization have. */
  async renumber({ conversation, ticket }: Life): Promise<void> {
    const { world, conversation: own, ticket: ownTicket } = this.life;
    if (!ticket || !ownTicket) throw new Error('There is no ticket');
    await world.hub.sql('UPDATE conversation SET number = $2 WHERE id = $1', [own.uuid, conversation.number]);
    await world.hub.sql('UPDATE ticket SET number = $2 WHERE id = $1', [v1.uuid(ownTicket.id), ticket.number]);
    this.life.conversation = { ...own, number: conversation.number };
    this.life.ticket = { ...ownTicket, number: ticket.number };
  }

  private async talk(): Promise<void> {
    const { life } = this;
    const { other, staff } = life.world;
    const sends = !MUTE.includes(life.kind);
    if (sends) await this.say('write', 'How can I help?');
    if (life.contact) await this.say('answer', 'The lamp is broken');
    await this.aside('note', 'A good customer', { private: true });
    if (sends) await this.aside('draft', 'Take this', { draft: true });
    if (sends) await this.aside('waiting', 'Good morning', { scheduledAt: TOMORROW });
    await this.twice('assign', (act) => act(life, other), { assignee: 'Ben' });
    await this.twice('unassign', (act) => act(life), { assignee: null });
    await this.twice('assign', (act) => act(life, staff), { assignee: 'Ann' });
    if (sends) await this.say('write', 'Have you tried another bulb?');
  }

  private async end(): Promise<void> {
    const { life } = this;
    await this.twice('close', (act) => act(life), { closed: true });
    await this.refused('write', (act) => act(life, 'Too late'));
    await this.twice('reopen', (act) => act(life), { closed: false });
    if (!MUTE.includes(life.kind)) await this.say('write', 'Are you still there?');
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

  say(name: 'write' | 'answer', text: string): Promise<unknown> {
    const from = name === 'answer' ? 'Casey' : undefined;
    return this.step(
      name,
      () => this.actOf(name)(this.life, text),
      () => this.add(text, 'said', from),
    );
  }

  /** What can be written natively only. */
  private aside(standing: Standing, text: string, more: object): Promise<unknown> {
    return this.step(
      standing,
      () => write(this.life, text, more),
      () => this.add(text, standing),
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

/** Who acts through a dialect. */
export const authorOf = ({ author }: Driver, { key, staff }: World): ApiClient => (author === 'key' ? key : staff.api);

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
