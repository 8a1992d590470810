// Every name that the packages export has a doc comment, and so have the public methods of exported classes: what the API
// reference (npm run docs:api) shows. In the libraries each member of an exported interface has one, too, with its default
// where it may be left out of options; and what takes or gives a device, buffer or texture says whose it is. Not here: whether
// the comments are right; fields of classes, which have the paper's names.
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
  if (entry.startsWith(join(root, 'packages', 'cli'))) return;
  expect(declarations.flatMap(undocumentedMembers)).toEqual([]);
  expect(declarations.flatMap(withoutOwner)).toEqual([]);
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

test('a member, a default and an owner that are not told are seen', () => {
  const file = parse(
    'wrong.ts',
    `/** Options. */
    export interface SomeOptions {
      readonly bad?: number;
      /** Said, but for what happens without it. */
      readonly halfBad?: number;
      /** Default 3. */
      readonly good?: number;
      /** There always. */
      readonly needed: number;
    }
    /** Stays the caller's. */
    export function good(device: GPUDevice): void {}
    /** What it does. */
    export function bad(device: GPUDevice): void {}
    /** A class. */
    export class Some {
      /** Destroyed by dispose. */
      get texture(): GPUTexture {}
      /** Something. */
      make(): GPUBuffer {}
      /** Something. */
      other(): number {}
      #make(): GPUBuffer {}
    }`,
  );
  const of = (name: string) => declarationIn(file, name)!;
  expect(undocumentedMembers(of('SomeOptions'))).toEqual([
    'SomeOptions.bad',
    'SomeOptions.halfBad has no default',
  ]);
  expect(['good', 'bad', 'Some'].flatMap((name) => withoutOwner(of(name)))).toEqual([
    'bad',
    'Some.make',
  ]);
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

/** Members of an interface without a comment, and what options may lack without saying what then holds. */
function undocumentedMembers(declaration: Declaration): string[] {
  if (!ts.isInterfaceDeclaration(declaration)) return [];
  const interfaceName = declaration.name.text;
  return declaration.members.flatMap((member) => {
    const name = `${interfaceName}.${member.name?.getText()}`;
    if (!hasComment(member)) return [name];
    const mayLack = interfaceName.endsWith('Options') && member.questionToken;
    return mayLack && !/default/i.test(commentOf(member)) ? [`${name} has no default`] : [];
  });
}

const resources =
  /\b(GPU(Device|Buffer|Texture|ExternalTexture|QuerySet)|OwnTexture|GpuPicture|VideoFrame|PhotoSource)\b/;
const owners = /\bown|caller|yours|ours|guest|destroy|dispose/i;

/** Functions and public methods that take or give a resource of the GPU and do not say whose it is. */
function withoutOwner(declaration: Declaration): string[] {
  const isSilent = (node: ts.SignatureDeclaration): boolean => {
    const types = [...node.parameters.map(({ type }) => type), node.type];
    return (
      types.some((type) => type && resources.test(type.getText())) && !owners.test(commentOf(node))
    );
  };
  if (ts.isFunctionDeclaration(declaration)) {
    return isSilent(declaration) ? [declaration.name!.text] : [];
  }
  if (!ts.isClassDeclaration(declaration)) return [];
  const className = declaration.name!.text;
  return declaration.members.flatMap((member) => {
    const isCalled = isMethod(member) || ts.isConstructorDeclaration(member);
    if (!isCalled || (member.name && !ts.isIdentifier(member.name))) return [];
    const name = `${className}.${nameOf(member) ?? 'constructor'}`;
    return isSilent(member as ts.MethodDeclaration | ts.ConstructorDeclaration) ? [name] : [];
  });
}

const commentOf = (node: ts.Node): string =>
  ts
    .getJSDocCommentsAndTags(node)
    .filter(ts.isJSDoc)
    .map((comment) => comment.getText())
    .join('\n');

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
