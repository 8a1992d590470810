import ts from 'typescript';

/** A function or method that users of the packages wait for. */
export interface AsyncCall {
  /** `record`, `Recording.profile`, `StoredTensor.read`. */
  readonly name: string;
  /** Whether one of its parameters has a `signal`. */
  readonly takesSignal: boolean;
}

/** What the entries export that gives a promise or an async iterator, by the types: functions, methods, members of interfaces. */
export function asyncCallsOf(entries: readonly string[]): AsyncCall[] {
  const program = ts.createProgram(entries, {
    ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, strict: true },
    ...{ moduleResolution: ts.ModuleResolutionKind.NodeNext, allowImportingTsExtensions: true },
    ...{ noEmit: true, skipLibCheck: true, types: ['@webgpu/types', 'node'] },
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
  });
  const checker = program.getTypeChecker();
  const found = new Map<string, boolean>();
  const add = (name: string, type: ts.Type): void => {
    const calls = type
      .getNonNullableType()
      .getCallSignatures()
      .filter((call) => isAwaited(checker, call.getReturnType()));
    if (calls.length > 0)
      found.set(
        name,
        calls.every((call) => takesSignal(checker, call)),
      );
  };
  for (const entry of entries) {
    const file = program.getSourceFile(entry);
    const module = file && checker.getSymbolAtLocation(file);
    if (!module) throw new Error(`${entry}: what does it export?`);
    for (const exported of checker.getExportsOfModule(module)) {
      const alias = exported.flags & ts.SymbolFlags.Alias;
      const symbol = alias ? checker.getAliasedSymbol(exported) : exported;
      const { name } = exported;
      if (symbol.flags & ts.SymbolFlags.Value) {
        const type = checker.getTypeOfSymbol(symbol);
        add(name, type);
        if (symbol.flags & ts.SymbolFlags.Class) addMembers(name, type.getProperties());
      }
      // Members of options are the caller's functions.
      if (
        symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface) &&
        !/Options$/.test(name)
      )
        addMembers(name, checker.getDeclaredTypeOfSymbol(symbol).getProperties());
    }
  }
  return [...found].map(([name, takesSignal]) => ({ name, takesSignal }));

  function addMembers(owner: string, members: readonly ts.Symbol[]): void {
    for (const member of members) {
      const declaration = member.valueDeclaration;
      if (!declaration || isHidden(declaration)) continue;
      // What classes take over from Error and Object is not ours.
      if (declaration.getSourceFile().fileName.includes('node_modules')) continue;
      add(`${owner}.${member.name}`, checker.getTypeOfSymbol(member));
    }
  }
}

function isHidden(declaration: ts.Declaration): boolean {
  const name = ts.getNameOfDeclaration(declaration);
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (
    (name !== undefined && ts.isPrivateIdentifier(name)) ||
    (ts.getCombinedModifierFlags(declaration) & hidden) !== 0
  );
}

function isAwaited(checker: ts.TypeChecker, type: ts.Type): boolean {
  const parts = type.isUnion() ? type.types : [type];
  return parts.some((part) =>
    /^(Promise|PromiseLike|AsyncGenerator|AsyncIterable|AsyncIterator|AsyncIterableIterator)(<|$)/.test(
      checker.typeToString(part),
    ),
  );
}

const takesSignal = (checker: ts.TypeChecker, call: ts.Signature): boolean =>
  call.parameters.some((parameter) =>
    checker
      .getTypeOfSymbol(parameter)
      .getNonNullableType()
      .getProperties()
      .some(({ name }) => name === 'signal'),
  );
