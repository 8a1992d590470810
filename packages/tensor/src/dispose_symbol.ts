/**
 * `Symbol.dispose`, which Safari and old Node have not: there a symbol of its name stands in, so that classes are well
 * formed. `using` needs the real one or a polyfill, loaded first.
 */
export const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
