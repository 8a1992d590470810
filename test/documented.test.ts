// Every name that the packages export has a doc comment, and so have the public methods of exported classes: what the API
// reference (npm run docs:api) shows. Not here: whether the comments are right.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

const entries = ['tensor', 'dpt', 'loaders', 'cli'].flatMap((name) => {
  const { exports } = JSON.parse(
    readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'),
  ) as { exports: Record<string, string> };
  return Object.values(exports)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(root, 'packages', name, file));
});

test.each(entries.map((entry) => [relative(root, entry), entry]))('%s', (_, entry) => {
  const declarations = declarationsOf(entry);
  expect(declarations.length).toBeGreaterThan(0);
  expect(declarations.flatMap(undocumented)).toEqual([]);
});

test('a name without a comment, and a method without one, are seen', () => {
  const file = parse(
    'wrong.ts',
    `/** A class. */
    export class Good {
      constructor() {}
      bad(): void {}
      /** Said. */
      good(): void {}
      #hidden(): void {}
      override toString(): string { return ''; }
    }
    export function bad(): void {}
    /** Said. */
    export const good = 1;
    export type { Bad };
    interface Bad {}`,
  );
  const names = ['Good', 'bad', 'good', 'Bad'];
  const found = names.flatMap((name) => undocumented(declarationIn(file, name)!));
  expect(found).toEqual(['wrong.ts: Good.bad', 'wrong.ts: bad', 'wrong.ts: Bad']);
});

type Declaration = ts.Node & { readonly name?: ts.Node };

/** What an entry exports, wherever it is declared. */
function declarationsOf(path: string): Declaration[] {
  const file = parse(path, readFileSync(path, 'utf8'));
  return namesIn(file).map((name) => {
    const found = find(file, name);
    if (!found) throw new Error(`${relative(root, path)}: where is ${name} declared?`);
    return found;
  });
}

function namesIn(file: ts.SourceFile): string[] {
  return file.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) {
      const clause = statement.exportClause;
      if (!clause || !ts.isNamedExports(clause)) throw new Error(`${file.fileName}: export *`);
      return clause.elements.map(({ name }) => name.text);
    }
    const exported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    return exported ? declared(statement).map(({ name }) => (name as ts.Identifier).text) : [];
  });
}

/** The declaration of a name in a file, or in the file that it is re-exported from. */
function find(file: ts.SourceFile, name: string): Declaration | undefined {
  const own = declarationIn(file, name);
  if (own) return own;
  for (const statement of file.statements) {
    const from = sourceOf(statement, name);
    if (!from?.path.startsWith('.')) continue;
    const path = join(dirname(file.fileName), from.path);
    return find(parse(path, readFileSync(path, 'utf8')), from.name);
  }
  return undefined;
}

/** Where a statement takes a name from, and what it is called there. */
function sourceOf(
  statement: ts.Statement,
  name: string,
): { path: string; name: string } | undefined {
  if (!ts.isExportDeclaration(statement) && !ts.isImportDeclaration(statement)) return undefined;
  const { moduleSpecifier } = statement;
  if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) return undefined;
  const clause = ts.isExportDeclaration(statement)
    ? statement.exportClause
    : statement.importClause?.namedBindings;
  if (!clause || !(ts.isNamedExports(clause) || ts.isNamedImports(clause))) return undefined;
  const element = [...clause.elements].find((candidate) => candidate.name.text === name);
  const original = element && (element.propertyName ?? element.name).text;
  return original === undefined ? undefined : { path: moduleSpecifier.text, name: original };
}

function declarationIn(file: ts.SourceFile, name: string): Declaration | undefined {
  const all = file.statements
    .flatMap(declared)
    .filter((declaration) => (declaration.name as ts.Identifier).text === name);
  // Of overloads and of a type and a value with one name, one comment is enough.
  return all.find(hasComment) ?? all[0];
}

function declared(statement: ts.Statement): Declaration[] {
  if (ts.isVariableStatement(statement)) return [...statement.declarationList.declarations];
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name ? [statement] : [];
}

function undocumented(declaration: Declaration): string[] {
  const file = relative(root, declaration.getSourceFile().fileName);
  const name = (declaration.name as ts.Identifier).text;
  const missing = hasComment(declaration) ? [] : [name];
  if (ts.isClassDeclaration(declaration)) {
    const documented = new Set(declaration.members.filter(hasComment).map(nameOf));
    for (const member of declaration.members) {
      const own = nameOf(member);
      if (isMethod(member) && own && !documented.has(own)) missing.push(`${name}.${own}`);
    }
  }
  return missing.map((what) => `${file === '' ? 'wrong.ts' : file}: ${what}`);
}

/** Methods and accessors that a user calls by name. Overrides are explained where they were introduced. */
function isMethod(member: ts.ClassElement): boolean {
  const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
  const hidden = modifiers.some(
    ({ kind }) =>
      kind === ts.SyntaxKind.PrivateKeyword ||
      kind === ts.SyntaxKind.ProtectedKeyword ||
      kind === ts.SyntaxKind.OverrideKeyword,
  );
  return (ts.isMethodDeclaration(member) || ts.isGetAccessor(member)) && !hidden;
}

const nameOf = ({ name }: ts.ClassElement): string | undefined =>
  name && ts.isIdentifier(name) ? name.text : undefined;

function hasComment(node: ts.Node): boolean {
  const holder = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  return ts.getJSDocCommentsAndTags(holder).some(ts.isJSDoc);
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
}
