import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DIALECTS } from '../../apps/api/dialects.js';

const FOLDER = 'libs/dialects';
/** The one list of what is served. */
const LIST = 'apps/api/dialects.ts';

const folders = readdirSync(FOLDER);

const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs|json)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));

/** Every module that a source names: in an import, a re-export, an `import()` or a `require()`. */
const importsOf = (source: string): string[] =>
  [...source.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, name]) => name ?? '');

/** The files that know the dialect, but for its own. */
function knowing(name: string): string[] {
  const files = [...sources('apps'), ...sources('libs')].filter(
    (file) => !file.startsWith(path.join(FOLDER, name, '/')),
  );
  const isOf = (imported: string): boolean => `${imported}/`.includes(`dialects/${name}/`);
  return files.filter((file) => importsOf(readFileSync(file, 'utf8')).some(isOf)).sort();
}

describe('a dialect', () => {
  it('is a folder of its own, and every folder is served', () => {
    expect(DIALECTS.map(({ name }) => name).sort()).toEqual([...folders].sort());
  });

  it.each(folders.filter((name) => name !== 'v1'))('%s can be deleted with its line in the list', (name) => {
    expect(knowing(name)).toEqual([LIST]);
  });

  it('v1, the native one, is known to the apps only: it words the events and has the page for passwords', () => {
    expect(knowing('v1')).toEqual(['apps/api/api.module.ts', LIST, 'apps/worker/worker.module.ts']);
  });

  it.each(folders)('%s imports its own files, the libs below and packages', (name) => {
    const own = sources(path.join(FOLDER, name)).filter((file) => file.endsWith('.ts'));
    const imported = own.flatMap((file) => importsOf(readFileSync(file, 'utf8')));
    expect(imported.length).toBeGreaterThan(0);
    expect(imported.filter((one) => one.startsWith('..') || one.startsWith('@hub/dialects'))).toEqual([]);
  });
});
