import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const ROOT = process.cwd();

/** What the linter says of one file, planted into an empty tree under the project's own rules. */
function lintPlanted(file: string, source: string, more: Record<string, string> = {}): string {
  const tree = mkdtempSync(path.join(os.tmpdir(), 'planted-'));
  try {
    cpSync(path.join(ROOT, '.oxlintrc.json'), path.join(tree, '.oxlintrc.json'));
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(tree, 'node_modules'), 'junction');
    for (const [name, text] of Object.entries({ ...more, [file]: source })) {
      mkdirSync(path.join(tree, path.dirname(name)), { recursive: true });
      writeFileSync(path.join(tree, name), text);
    }
    const oxlint = path.join(ROOT, 'node_modules/oxlint/bin/oxlint');
    const run = spawnSync(process.execPath, [oxlint, 'libs', 'apps'], { cwd: tree, encoding: 'utf8' });
    return run.status === 0 ? '' : `${run.stdout}${run.stderr}`;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

describe('imports only go down', () => {
  it('catches a lib that looks up', () => {
    const source = `import { x } from '@hub/conversations/conversations.service.js';\nexport const y = x;\n`;
    expect(lintPlanted('libs/contacts/planted.ts', source)).toMatch(/Imports only go down: contacts/);
  });

  it('catches a lib that looks at its neighbour', () => {
    const source = `import { x } from '@hub/identity/actor.js';\nexport const y = x;\n`;
    expect(lintPlanted('libs/channels/planted.ts', source)).toMatch(/Imports only go down: channels/);
  });

  it('catches one dialect that looks at another', () => {
    const source = `import { x } from '@hub/dialects/v1/v1.ids.js';\nexport const y = x;\n`;
    expect(lintPlanted('libs/dialects/pact/planted.ts', source)).toMatch(/Imports only go down: dialects/);
  });

  it.each(['@hub/dialects/v1/v1.ids.js', '@hub/conversations/conversations.service.js', '@hub/webhooks/lanes.js'])(
    'catches the room of all dialects that looks at %s',
    (seen) => {
      const source = `import { x } from '${seen}';\nexport const y = x;\n`;
      expect(lintPlanted('libs/http/planted.ts', source)).toMatch(/Imports only go down: http/);
    },
  );

  it('catches a feature that looks at the room of the dialects', () => {
    const source = `import { x } from '@hub/http/rule.js';\nexport const y = x;\n`;
    expect(lintPlanted('libs/bots/planted.ts', source)).toMatch(/Imports only go down: bots/);
  });

  it('lets the room of all dialects look at who calls, and a dialect at that room', () => {
    const down = `import { x } from '@hub/identity/actor.js';\nexport const y = x;\n`;
    const room = `import { y } from '@hub/http/planted.js';\nexport const z = y;\n`;
    expect(lintPlanted('libs/http/planted.ts', down, { 'libs/dialects/pact/planted.ts': room })).toBe('');
  });

  it('catches a path that climbs', () => {
    const source = `import { x } from '../model/views.js';\nexport const y = x;\n`;
    expect(lintPlanted('libs/events/planted.ts', source)).toMatch(/Inside a lib/);
  });

  it('catches a cycle', () => {
    const a = `import { b } from './b.js';\nexport const a = (): unknown => b;\n`;
    const b = `import { a } from './a.js';\nexport const b = (): unknown => a;\n`;
    expect(lintPlanted('libs/model/a.ts', a, { 'libs/model/b.ts': b })).toMatch(/no-cycle/);
  });

  it('lets a lib look down', () => {
    const source = `import { x } from '@hub/events/catalog.js';\nexport const y = x;\n`;
    expect(lintPlanted('libs/conversations/planted.ts', source)).toBe('');
  });
});
