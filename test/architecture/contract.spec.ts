import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Type } from '@nestjs/common';
import { GUARDS_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { getMetadataArgsStorage } from 'typeorm';
import { DIALECTS } from '../../apps/api/dialects.js';
import { V1_CODES } from '@hub/dialects/v1/v1.codes.js';
import { subjectResource } from '@hub/dialects/v1/v1.events.js';
import { V1_WORDING } from '@hub/dialects/v1/v1.wording.js';
import { failureOf, type Failure } from '@hub/http/failure.js';
import { RULE } from '@hub/http/rule.js';
import { HubError, type ErrorKind } from '@hub/platform/errors.js';
import { describeEvent, EVENT_TYPES, isEventPattern } from '@hub/events/catalog.js';
import { dataSourceOptions } from '@hub/model/data-source.js';

type Class = new (...args: never[]) => object;

const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));

const controllersOf = (module: Type): Class[] => Reflect.getMetadata('controllers', module) as Class[];

/** Where the controllers of a module answer. */
const pathsOf = (module: Type): string[] =>
  controllersOf(module)
    .flatMap((controller) => Reflect.getMetadata(PATH_METADATA, controller) as string | string[])
    .map((at) => `/${at.replace(/^\//, '')}`);

/** What each base class of our errors is. */
const KINDS: Readonly<Record<string, ErrorKind>> = {
  Validation: 'validation',
  NotFound: 'not_found',
  Conflict: 'conflict',
  Unprocessable: 'unprocessable',
};

/** An error that is declared, or made on the spot: its base class, or its kind, and its code. */
const RAISED = /extends (\w+)Error\b|(?:super|new (\w+)Error)\(\s*(?:'(\w+)',\s*)?'([A-Z]+(?:_[A-Z]+)+)'/g;
/** A ValidationError with a code of its own: after its details and its message. */
const INVALID = /\],\s*'[^']*',\s*'([A-Z]+(?:_[A-Z]+)+)'/g;

/** Every failure that the code base raises on purpose, by its code and its kind. */
const raised = (): Failure[] =>
  sources('libs').flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    let base = '';
    const found: [string, ErrorKind][] = [];
    for (const [, extended, made, kind, code] of text.matchAll(RAISED)) {
      if (extended) base = extended;
      if (code) found.push([code, (kind ?? KINDS[made ?? base]) as ErrorKind]);
    }
    for (const [, code] of text.matchAll(INVALID)) found.push([code ?? '', 'validation']);
    return found.map(([code, kind]) => failureOf(new HubError(kind, code, 'Told')));
  });
/** And what comes from the framework, or is foreseen by nobody. */
const UNRAISED = [400, 403, 404, 408, 413, 414, 415, 418, 431, 500].map((statusCode) => failureOf({ statusCode }));

describe('the architecture', () => {
  describe.each(DIALECTS)('the dialect $name', ({ name, module, wording }) => {
    const controllers = controllersOf(module);
    const routes = controllers.flatMap((controller) => {
      const prototype = controller.prototype as Record<string, object>;
      return Object.getOwnPropertyNames(prototype)
        .filter((key) => key !== 'constructor' && prototype[key])
        .filter((key) => Reflect.hasMetadata(PATH_METADATA, prototype[key] as object))
        .map((key) => ({ name: `${controller.name}.${key}`, controller, handler: prototype[key] as object }));
    });

    it('has a rule and a guard on every route', () => {
      const open = routes.filter(({ handler }) => !Reflect.hasMetadata(RULE, handler));
      const unguarded = routes.filter(({ controller, handler }) =>
        [controller, handler].every((place) => !Reflect.hasMetadata(GUARDS_METADATA, place)),
      );
      expect(routes.length).toBeGreaterThan(0);
      expect([...open, ...unguarded].map((route) => route.name)).toEqual([]);
    });

    it('has all its controllers in its module', () => {
      const declared = sources(`libs/dialects/${name}`).flatMap((file) =>
        [...readFileSync(file, 'utf8').matchAll(/class (\w+Controller)\b/g)].map(([, found]) => found),
      );
      expect(new Set(declared)).toEqual(new Set(controllers.map((controller) => controller.name)));
    });

    it('words its own addresses, whatever goes wrong there', () => {
      expect(pathsOf(module).filter((at) => !wording.owns(at))).toEqual([]);
      const wrong = [...raised(), ...UNRAISED].filter((failure) => {
        const { status, body } = wording.word(failure, { id: 'r', path: pathsOf(module)[0] ?? '' });
        const isOurs = ['internal', 'unavailable', 'bad_gateway'].includes(failure.kind);
        const isTold = Math.floor(status / 100) === (isOurs ? 5 : 4);
        return !isTold || Object.keys(body).length === 0;
      });
      expect(wrong.map(({ code, kind }) => `${kind} ${code}`)).toEqual([]);
    });
  });

  it('has no dialect that is served nowhere, and none at the address of another', () => {
    const folders = readdirSync('libs/dialects');
    expect(DIALECTS.map(({ name }) => name).sort()).toEqual(folders.sort());
    const shared = DIALECTS.flatMap(({ module }) => pathsOf(module)).filter(
      (at) => DIALECTS.filter(({ wording }) => wording.owns(at)).length !== 1,
    );
    expect(shared).toEqual([]);
  });

  it('gives every error code of the native API the status that its document names', () => {
    const failures = raised();
    const other = failures.filter((failure) => {
      const { status } = V1_WORDING.word(failure, { id: 'r', path: '/v1' });
      return V1_CODES[failure.code] !== status;
    });
    expect(failures.length).toBeGreaterThan(25);
    expect(other.map(({ code }) => code)).toEqual([]);
  });

  it('describes every event and knows how to show its subject', () => {
    for (const type of EVENT_TYPES) {
      expect(describeEvent(type)).toMatch(/\.$/);
      expect(isEventPattern(type)).toBe(true);
      expect(isEventPattern(`${type.split('.')[0]}.*`)).toBe(true);
    }
    expect(() => subjectResource('nothing.happened', {})).toThrow(/No subject/);
  });

  it('knows every entity', () => {
    const known = dataSourceOptions('postgres://localhost/x', 1).entities as Class[];
    const concrete = getMetadataArgsStorage().tables.map((table) => table.target);
    expect(concrete.filter((target) => !known.includes(target as Class))).toEqual([]);
  });

  it('has no barrels and no forwardRef', () => {
    const files = [...sources('libs'), ...sources('apps')];
    expect(files.filter((file) => path.basename(file) === 'index.ts')).toEqual([]);
    expect(files.filter((file) => readFileSync(file, 'utf8').includes('forwardRef('))).toEqual([]);
  });

  it('keys every tenant-owned table by its organization first', () => {
    const migration = readFileSync('libs/model/migrations/0001-initial.ts', 'utf8');
    const tables = [...migration.matchAll(/CREATE TABLE (\w+) \(([\s\S]*?)\n {2}\)/g)];
    const loose = tables
      .filter(([, name]) => name !== 'organization')
      .filter(([, , body]) => !/PRIMARY KEY \(organization_id/.test(body ?? ''))
      .map(([, name]) => name);
    expect(tables.length).toBeGreaterThan(12);
    expect(loose).toEqual([]);
  });
});
