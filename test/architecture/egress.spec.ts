import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const GUARD = 'libs/platform/safe-fetch.ts';
/** Who opens connections although it is not the guard, and why that is no hole in it. */
const ALLOWED: Record<string, readonly string[]> = {
  [GUARD]: ['node:http', 'node:https', 'node:net'],
  'libs/platform/resolve-name.ts': ['node:dns/promises', 'node:net'], // the guard's own questions to name servers
  'libs/platform/http.ts': ['node:http'], // STATUS_CODES, for the server
  'libs/platform/mailer.ts': ['nodemailer'], // to the operator's SMTP_URL
  'libs/media/s3-store.ts': ['@aws-sdk/client-s3'], // to the operator's MEDIA_STORE
  'apps/standalone/ports.ts': ['node:net'], // whether a port of this machine is free
};
const DOORS =
  /^(node:)?(http|https|http2|net|tls|dgram|dns|dns\/promises)$|^(undici|axios|got|ky|needle|superagent|request|node-fetch|cross-fetch|ws|nodemailer|follow-redirects|@nestjs\/axios|@aws-sdk\/.*|@smithy\/.*)(\/|$)/;
const GLOBALS = new Set(['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest']);

/** The ways out of the process that a file could take: modules it loads as values, and globals it names. */
function doorsOf(file: string, text: string): string[] {
  const found = new Set<string>();
  const load = (name: ts.Node | undefined): void => {
    if (name && ts.isStringLiteralLike(name) && DOORS.test(name.text)) found.add(name.text);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && !isForTypes(node.importClause)) load(node.moduleSpecifier);
    if (ts.isExportDeclaration(node) && !node.isTypeOnly) load(node.moduleSpecifier);
    if (
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword || isNamed(node.expression, 'require'))
    )
      load(node.arguments[0]);
    if (ts.isIdentifier(node) && GLOBALS.has(node.text) && !isDeclared(node)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return [...found].sort();
}

function isForTypes(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name || !named || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every(({ isTypeOnly }) => isTypeOnly);
}

const isNamed = (node: ts.Node, name: string): boolean => ts.isIdentifier(node) && node.text === name;

/** A method or a property that only has the same name; `globalThis.fetch` is the global. */
function isDeclared(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return !isNamed(parent.expression, 'globalThis');
  return 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent);
}

const sources = ['apps', 'libs'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|mjs|cjs|js)$/.test(file) && !file.endsWith('.spec.ts'))
    .map((file) => path.posix.join(folder, file.replaceAll('\\', '/'))),
);

describe('the one way out', () => {
  it('is the egress guard, for every file of the product', () => {
    const taken = sources.map((file) => [file, doorsOf(file, readFileSync(file, 'utf8'))] as const);
    const doors = Object.fromEntries(taken.filter(([, found]) => found.length > 0));
    expect(doors).toEqual(ALLOWED);
  });

  it('cannot be given other name servers by the product', () => {
    const named = sources.filter((file) => /nameResolver|setServers/.test(readFileSync(file, 'utf8')));
    expect(named).toEqual(['libs/platform/resolve-name.ts']);
  });

  it.each([
    [`import { request } from 'undici';`, 'undici'],
    [`import https from 'node:https';`, 'node:https'],
    [`import { type Server, get } from 'http';`, 'http'],
    [`export * from 'node:net';`, 'node:net'],
    [`const x = await import('axios');`, 'axios'],
    [`const x = require('node:tls');`, 'node:tls'],
    [`await fetch('https://example.com');`, 'fetch'],
    [`const call = globalThis.fetch;`, 'fetch'],
    [`run({ fetch });`, 'fetch'],
    [`new WebSocket('wss://example.com');`, 'WebSocket'],
  ])('is seen to be missed by %s', (text, door) => expect(doorsOf('planted.ts', text)).toEqual([door]));

  it.each([
    `import type { Agent } from 'undici';`,
    `import { type IncomingMessage } from 'node:http';`,
    `repository.fetch(1);`,
    `class Reader { fetch() {} }`,
    `const page = 'fetch(1)';`,
  ])('is not missed by %s', (text) => expect(doorsOf('planted.ts', text)).toEqual([]));
});
