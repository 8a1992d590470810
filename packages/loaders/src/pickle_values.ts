/** Everything that can lie on the stack of the pickle machine. All of it is inert data. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Tuple
  | Dict
  | PickleSet
  | PickleFunction
  | Opaque;

/** A Python tuple. Lists are plain arrays, so that the two cannot be mistaken for each other. */
export class Tuple {
  readonly items: readonly PickleValue[];

  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** A Python dict or OrderedDict. A Map, so that a key such as `__proto__` is only a key. */
export class Dict {
  readonly entries = new Map<PickleValue, PickleValue>();
  readonly ordered: boolean;

  constructor(ordered: boolean) {
    this.ordered = ordered;
  }
}

/** A Python set; only the empty one can be written with the opcodes that are accepted. */
export class PickleSet {}

/** One of the loader's own functions, under the name by which the pickle asked for it. */
export class PickleFunction {
  readonly name: string;
  readonly call: (args: readonly PickleValue[]) => PickleValue;

  constructor(name: string, call: (args: readonly PickleValue[]) => PickleValue) {
    this.name = name;
    this.call = call;
  }
}

/** A value that the machine hands around without looking inside: a storage class, a tensor, a skipped object. */
export class Opaque {
  /** For messages. */
  readonly name: string;
  /** Stands for an object that was left out: it swallows whatever the pickle does to it. */
  readonly skipped: boolean;

  constructor(name: string, skipped = false) {
    this.name = name;
    this.skipped = skipped;
  }
}

/** What a value is, for messages. */
export function describe(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'boolean') return 'a bool';
  if (typeof value === 'number' || typeof value === 'bigint') return 'a number';
  if (typeof value === 'string') return 'a string';
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Tuple) return 'a tuple';
  if (value instanceof Dict) return value.ordered ? 'an OrderedDict' : 'a dict';
  if (value instanceof PickleSet) return 'a set';
  return value.name;
}
