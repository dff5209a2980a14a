import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { getMetadataArgsStorage } from 'typeorm';
import { ApiModule } from '../../apps/api/api.module.js';
import { RULE } from '@hub/http/rule.js';
import { V1_CODES } from '@hub/dialects/v1/v1.codes.js';
import { subjectResource } from '@hub/dialects/v1/v1.events.js';
import { V1Module } from '@hub/dialects/v1/v1.module.js';
import { describeEvent, EVENT_TYPES, isEventPattern } from '@hub/events/catalog.js';
import { dataSourceOptions } from '@hub/model/data-source.js';

type Class = new (...args: never[]) => object;

const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));

describe('the architecture', () => {
  it('has a rule on every route of the native API', () => {
    const controllers = Reflect.getMetadata('controllers', V1Module) as Class[];
    const open = controllers.flatMap((controller) => {
      const prototype = controller.prototype as Record<string, object>;
      return Object.getOwnPropertyNames(prototype)
        .filter((name) => name !== 'constructor' && prototype[name])
        .filter((name) => Reflect.hasMetadata(PATH_METADATA, prototype[name] as object))
        .filter((name) => !Reflect.hasMetadata(RULE, prototype[name] as object))
        .map((name) => `${controller.name}.${name}`);
    });
    expect(controllers.length).toBeGreaterThan(5);
    expect(open).toEqual([]);
    expect(ApiModule).toBeDefined();
  });

  it('gives every error code of the code base a status', () => {
    const unmapped = sources('libs').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/(?:super|Error)\(\s*(?:'\w+',\s*)?'([A-Z]+(?:_[A-Z]+)+)'/g)]
        .map(([, code]) => code ?? '')
        .filter((code) => !(code in V1_CODES))
        .map((code) => `${file}: ${code}`),
    );
    expect(unmapped).toEqual([]);
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
