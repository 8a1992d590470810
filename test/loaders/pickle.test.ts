// The pickle machine alone: every opcode it runs, every one it refuses, its bounds, and agreement with pickleparser on honest pickles.
// What names mean to the loader is in pytorch.test.ts.
import fc from 'fast-check';
import { Parser } from 'pickleparser';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../packages/loaders/src/index.ts';
import { unpickle } from '../../packages/loaders/src/pickle.ts';
import type { PickleValue } from '../../packages/loaders/src/pickle_values.ts';
import {
  Dict,
  Opaque,
  PickleFunction,
  PickleSet,
  Tuple,
} from '../../packages/loaders/src/pickle_values.ts';
import { dict, global, int, list, pickle, text, tuple } from '../support/write_pickle.ts';

const hooks = {
  file: 'model.pth',
  resolveGlobal: (module: string, name: string): PickleValue => {
    if (name === 'identity') return new PickleFunction(name, ([value]) => value ?? null);
    if (name === 'OrderedDict') return new PickleFunction(name, () => new Dict(true));
    return new Opaque(`${module}.${name}`, name === 'Skipped');
  },
  persistentLoad: (id: PickleValue): PickleValue => new Tuple(['persistent', id]),
};
const run = (...parts: (string | Uint8Array)[]) =>
  plain(unpickle(pickle(...parts, '.'), hooks).value);

/** Values as plain JavaScript: tuples as { tuple }, dicts as Map. */
function plain(value: PickleValue): unknown {
  if (value instanceof Tuple) return { tuple: value.items.map(plain) };
  if (value instanceof Dict)
    return new Map([...value.entries].map(([key, item]) => [plain(key), plain(item)]));
  if (value instanceof PickleSet) return new Set();
  if (value instanceof Opaque) return value.name;
  return Array.isArray(value) ? value.map(plain) : value;
}

describe('opcodes', () => {
  test.each<[string, string, unknown]>([
    ['NONE', 'N', null],
    ['NEWTRUE', '\x88', true],
    ['NEWFALSE', '\x89', false],
    ['BININT1', 'K\xff', 255],
    ['BININT2', 'M\x01\x02', 513],
    ['BININT', 'J\xfe\xff\xff\xff', -2],
    ['LONG1', '\x8a\x02\x00\x80', -32768],
    ['LONG1 of no bytes', '\x8a\x00', 0],
    ['LONG1 above 2⁵³', int(2n ** 53n), 2n ** 53n],
    ['LONG1 below −2⁵³', int(-(2n ** 60n)), -(2n ** 60n)],
    ['BINFLOAT, big-endian', 'G\x3f\xf8\0\0\0\0\0\0', 1.5],
    ['SHORT_BINSTRING', 'U\x02ab', 'ab'],
    ['BINSTRING', 'T\x02\0\0\0ab', 'ab'],
    ['SHORT_BINUNICODE', '\x8c\x02\xc3\xa4', 'ä'],
    ['BINUNICODE', text('ä😀'), 'ä😀'],
    ['BINUNICODE with a byte order mark', text('\ufeffa'), '\ufeffa'],
    ['BINUNICODE8', '\x8d\x01\0\0\0\0\0\0\0a', 'a'],
    ['SHORT_BINBYTES', 'C\x01\xff', new Uint8Array([255])],
    ['BINBYTES', 'B\x01\0\0\0\xff', new Uint8Array([255])],
    ['EMPTY_TUPLE', ')', { tuple: [] }],
    ['TUPLE1', 'N\x85', { tuple: [null] }],
    ['TUPLE2', 'NK\x01\x86', { tuple: [null, 1] }],
    ['TUPLE3', 'NK\x01\x88\x87', { tuple: [null, 1, true] }],
    ['TUPLE', tuple(int(1), int(2)), { tuple: [1, 2] }],
    ['EMPTY_LIST and APPEND', ']K\x01aK\x02a', [1, 2]],
    ['APPENDS', list(int(1), int(2)), [1, 2]],
    ['EMPTY_DICT and SETITEM', `}${text('__proto__')}K\x01s`, new Map([['__proto__', 1]])],
    ['SETITEMS', dict([text('a'), 'N']), new Map([['a', null]])],
    ['EMPTY_SET', '\x8f', new Set()],
    ['PROTO and FRAME', '\x80\x04\x95\0\0\0\0\0\0\0\0N', null],
    ['BINPUT and BINGET', 'K\x07q\x050h\x05', 7],
    ['LONG_BINPUT and LONG_BINGET', 'K\x07r\0\x01\0\x000j\0\x01\0\0', 7],
    ['MEMOIZE', 'K\x07\x94K\x08\x9400h\x01', 8],
    ['POP', 'NK\x010', null],
    ['POP of a mark', 'N(0', null],
    ['POP_MARK', 'N(K\x01K\x021', null],
    ['DUP', 'K\x012\x86', { tuple: [1, 1] }],
    ['GLOBAL', global('a', 'b'), 'a.b'],
    ['STACK_GLOBAL', `${text('a')}${text('b')}\x93`, 'a.b'],
    ['REDUCE', `${global('a', 'identity')}${tuple(int(5))}R`, 5],
    ['BUILD on an OrderedDict', `${global('a', 'OrderedDict')})R}b`, new Map()],
    ['BINPERSID', 'K\x05Q', { tuple: ['persistent', 5] }],
    [
      'NEWOBJ, BUILD and items of what is skipped',
      `${global('a', 'Skipped')})\x81}bK\x01K\x02sK\x01a`,
      'a.Skipped',
    ],
  ])('%s', (_, code, expected) => {
    expect(run(code)).toEqual(expected);
  });

  test('the end is the byte after STOP', () => {
    expect(unpickle(pickle('xxN.yy'), hooks, 2)).toEqual({ value: null, end: 4 });
  });

  test('a list may contain itself', () => {
    const { value } = unpickle(pickle(']q\0h\0a.'), hooks);
    expect((value as PickleValue[])[0]).toBe(value);
  });
});

describe('refused', () => {
  test.each<[string, string, RegExp]>([
    ['INST', '(ios\nsystem\n', /opcode INST, which no state dict needs, at byte 1/],
    ['OBJ', '(o', /opcode OBJ/],
    ['NEWOBJ', `${global('a', 'B')})\x81`, /makes an object of a\.B \(NEWOBJ\)/],
    ['NEWOBJ_EX', '\x92', /opcode NEWOBJ_EX/],
    ['EXT1', '\x82\x01', /opcode EXT1/],
    ['EXT2', '\x83\x01\x01', /opcode EXT2/],
    ['EXT4', '\x84\x01\x01\x01\x01', /opcode EXT4/],
    ['PERSID', 'Pid\n', /opcode PERSID/],
    ['protocol 0 text', 'I1\n', /opcode INT,/],
    ['LONG4', '\x8b', /opcode LONG4/],
    ['FROZENSET', '\x91', /opcode FROZENSET/],
    ['BYTEARRAY8', '\x96', /opcode BYTEARRAY8/],
    ['an opcode that there is not', '\xfe', /opcode 0xfe/],
    ['BUILD on a tensor-like', `${global('a', 'B')}}b`, /sets the state of a\.B \(BUILD\)/],
    ['BUILD on a plain dict', '}}b', /sets the state of a dict \(BUILD\)/],
    ['REDUCE of a class', `${global('a', 'B')})R`, /calls a\.B, which is not a function/],
    ['REDUCE of a string', `${text('os.system')})R`, /calls a string, which is not/],
    ['a thousand and one marks', '('.repeat(1001), /nests deeper than 1000/],
    ['a million marks', '('.repeat(1e6), /nests deeper than 1000/],
    ['a million items', 'N'.repeat(1_000_001), /more than 1000000 items on the stack/],
  ])('%s', (_, code, message) => {
    expectPickleError(code, 'unsafe', message);
  });

  test.each<[string, string, RegExp]>([
    ['STOP on an empty stack', '', /takes from an empty stack, at byte 0/],
    ['POP on an empty stack', '0', /takes from an empty stack/],
    ['TUPLE2 with one item', 'N\x86', /takes from an empty stack/],
    ['TUPLE1 across a mark', 'N(\x85', /takes from an empty stack/],
    ['TUPLE without a mark', 'Nt', /looks for a mark that is not there/],
    ['STOP inside a mark', 'N(', /takes from an empty stack/],
    ['a memo that is not there', 'h\x07', /refers to memo 7, which is not there/],
    ['SETITEM on a list', ']K\x01K\x02s', /sets an item of a list/],
    ['SETITEMS with a lone key', '}(K\x01u', /a key without a value/],
    ['APPEND to a dict', '}K\x01a', /appends to a dict/],
    ['APPEND to a tuple', ')K\x01a', /appends to a tuple/],
    ['an equal key', dict([text('a'), 'N'], [text('a'), 'N']), /has the key "a" twice/],
    [
      'REDUCE with a list',
      `${global('a', 'identity')}]R`,
      /calls identity with a list instead of a tuple/,
    ],
    ['STACK_GLOBAL of numbers', 'K\x01K\x02\x93', /names a global by something other than text/],
    ['protocol 6', '\x80\x06N', /unknown protocol 6/],
    ['text that is not UTF-8', 'U\x01\xff', /text that is not valid UTF-8/],
  ])('%s', (_, code, message) => {
    expectPickleError(code, 'corrupt', message);
  });

  test('strings and numbers beyond the end', () => {
    for (const code of [
      'X\xff\xff\xff\xff',
      `\x8d${'\xff'.repeat(8)}`,
      'J\0',
      'cos',
      'G\0',
      '\x8a\x09\0',
      'K',
      'B\xff\xff\xff\x7f',
    ]) {
      expect(() => unpickle(pickle(code), hooks)).toThrow(
        /ends in the middle of the opcode at byte 0\. Copy or download/,
      );
    }
  });

  test('copying one list again and again', () => {
    const call = `${global('a', 'identity')}h\0\x85R0`;
    expectPickleError(
      `](${'N'.repeat(1000)}eq\0${call.repeat(1000)}`,
      'unsafe',
      /copies the same list again and again/,
    );
  });

  test('deep nesting without marks is harmless', () => {
    unpickle(pickle(']'.repeat(500_000), 'a'.repeat(499_999), '.'), hooks);
  });
});

test('any bytes give a value or an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        unpickle(bytes, hooks);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('values agree with pickleparser', () => {
  const leaf = fc.oneof(
    fc
      .integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 })
      .map((value) => [int(value), value] as const),
    fc.string({ unit: 'grapheme' }).map((value) => [text(value), value] as const),
    fc.constantFrom(['N', null] as const, ['\x88', true] as const, ['\x89', false] as const),
  );
  const { tree } = fc.letrec<{ tree: readonly [string, unknown] }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc
        .array(tie('tree'), { maxLength: 5 })
        .map(
          (items) =>
            [list(...items.map(([code]) => code)), items.map(([, value]) => value)] as const,
        ),
    ),
  }));
  fc.assert(
    fc.property(tree, ([code, value]) => {
      const bytes = pickle('\x80\x02', code, '.');
      expect(plain(unpickle(bytes, hooks).value)).toEqual(value);
      expect(new Parser().parse(bytes)).toEqual(value);
    }),
  );
});

function expectPickleError(code: string, kind: string, message: RegExp): void {
  try {
    run(code);
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).message).toMatch(message);
    expect((error as CheckpointError).code).toBe(kind);
    return;
  }
  expect.unreachable('the pickle was accepted');
}
