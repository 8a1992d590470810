// torch.save files: genuine ones of PyTorch 2.13 (test/fixtures/loaders, by make_fixtures.py), larger and stranger ones written here, and
// hostile ones. With ../shared beside the checkout also whole models, compared with their safetensors twins.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StateDict } from '@dpt-webgpu/tensor';
import { describe, expect, test } from 'vitest';
import { openCheckpoint, readPytorch } from '../../packages/loaders/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { expectRefused, source, values } from '../support/loaders.ts';
import {
  dict,
  global,
  int,
  list,
  orderedDict,
  pickle,
  proto,
  stop,
  text,
  tuple,
} from '../support/write_pickle.ts';
import type { StorageSpec, TensorSpec } from '../support/write_pth.ts';
import {
  floats,
  stateDictPickle,
  tensorPickle,
  torchMembers,
  writeLegacyPth,
  writePth,
  writePthOf,
} from '../support/write_pth.ts';
import { writeZip } from '../support/write_zip.ts';

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/loaders', name);
const read = (bytes: Uint8Array, options = {}) => readPytorch(source(bytes), options);

describe('files of torch.save', () => {
  const ramp = Array.from({ length: 24 }, (_, i) => i - 7.5);
  const at = (i: number, j: number, k: number) => ramp[i * 12 + j * 4 + k]!;

  test.each(['zip.pth', 'legacy.pth'])('%s: every dtype, views and tied tensors', async (name) => {
    const stateDict = await openCheckpointFile(fixture(name));
    const expected: Record<string, [dtype: string, shape: number[], values: number[]]> = {
      f32: ['f32', [2, 3, 4], ramp],
      f64: ['f64', [3], [1 / 3, -2.5, Number.POSITIVE_INFINITY]],
      f16: ['f16', [4], [0x2e66, 0xfbff, 0x0001, 0x7e00].map((bits) => (bits << 16) >> 16)],
      bf16: ['bf16', [3], [0x3dcd, 0xff62, 0x0001].map((bits) => (bits << 16) >> 16)],
      i64: ['i64', [2], [-(2 ** 53), 5]],
      i32: ['i32', [1, 2], [-1, 2 ** 31 - 1]],
      i16: ['i16', [1], [-300]],
      i8: ['i8', [2], [-1, 127]],
      u8: ['u8', [2], [255, 0]],
      bool: ['bool', [3], [1, 0, 1]],
      scalar: ['f32', [], [3.5]],
      empty: ['f32', [0, 4], []],
      transposed: [
        'f32',
        [4, 3, 2],
        [0, 1, 2, 3].flatMap((k) => [0, 1, 2].flatMap((j) => [at(0, j, k), at(1, j, k)])),
      ],
      slice: ['f32', [2, 2], [at(1, 1, 0), at(1, 1, 2), at(1, 2, 0), at(1, 2, 2)]],
      expanded: ['f32', [2, 3], [1, 1, 1, 2, 2, 2]],
      'tied.a': ['f32', [6], [0, 0.25, 0.5, 0.75, 1, 1.25]],
      'tied.b': ['f32', [6], [0, 0.25, 0.5, 0.75, 1, 1.25]],
      'tied.tail': ['f32', [4], [0.5, 0.75, 1, 1.25]],
      parameter: ['f32', [2], [1.5, 2.5]],
    };
    expect([...stateDict.tensors.keys()]).toEqual(Object.keys(expected));
    for (const [key, [dtype, shape, numbers]] of Object.entries(expected)) {
      const tensor = stateDict.tensors.get(key)!;
      expect([key, tensor.dtype, tensor.shape]).toEqual([key, dtype, shape]);
      expect([key, await values(stateDict, key)]).toEqual([key, numbers]);
      expect((await tensor.read()).byteOffset % 8).toBe(0);
    }
    await stateDict.close();
  });

  test('wrapped.pth: { model: { module.… }, optimizer, epoch }', async () => {
    const stateDict = await openCheckpointFile(fixture('wrapped.pth'));
    expect([...stateDict.tensors.keys()]).toMatchInlineSnapshot(`
      [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
      ]
    `);
    expect(await values(stateDict, '0.weight')).toEqual([0, 1, 2, 3, 4, 5]);
    await stateDict.close();
  });

  test('many.pth: more than 256 memo entries', async () => {
    const stateDict = await openCheckpointFile(fixture('many.pth'));
    for (let i = 0; i < 40; i++) expect(await values(stateDict, `blocks.${i}.bias`)).toEqual([i]);
    await stateDict.close();
  });

  test('namespace.pth: other objects are refused, or skipped on request', async () => {
    await expectRefused(
      openCheckpointFile(fixture('namespace.pth')),
      'unsafe',
      /asks for "argparse\.Namespace", which no state dict needs\. .*\{ lenient: true \}/,
    );
    const stateDict = await openCheckpointFile(fixture('namespace.pth'), { lenient: true });
    expect(await values(stateDict, '0.bias')).toEqual([100, 101]);
    await stateDict.close();
  });

  test.each<[name: string, message: RegExp]>([
    [
      'whole_model.pth',
      /is a whole pickled object \("torch\.nn\.modules\.container\.Sequential"\), not a state dict\. Save model\.state_dict\(\) instead/,
    ],
    [
      'torchscript.pt',
      /is a TorchScript archive \(torch\.jit\.save\), which carries a program\. Save the weights alone/,
    ],
    ['uint16.pth', /has tensors of a newer dtype .* Convert the state dict to float32/],
  ])('%s is explained', async (name, message) => {
    await expectRefused(openCheckpointFile(fixture(name)), 'unsupported', message);
  });

  test('no file handle is left open when a file is refused', async () => {
    if (!existsSync('/proc/self/fd')) return;
    await expectRefused(
      openCheckpointFile(fixture('torchscript.pt')),
      'unsupported',
      /TorchScript/,
    );
    const links = execFileSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' });
    expect(links).not.toContain('torchscript.pt');
  });
});

describe.runIf(existsSync(`${sharedModel('depth_anything_v2')}.pth`))('whole models', () => {
  test.each(['depth_anything_v2', 'midas_beit'])(
    '%s: model.pth holds what model.safetensors holds',
    async (name) => {
      const pth = await openCheckpointFile(`${sharedModel(name)}.pth`);
      const safetensors = await openCheckpointFile(`${sharedModel(name)}.safetensors`);
      expect(new Set(pth.tensors.keys())).toEqual(new Set(safetensors.tensors.keys()));
      for (const [key, half] of safetensors.tensors) {
        const full = pth.tensors.get(key)!;
        expect(full.shape).toEqual(half.shape);
        const found = half.dtype === 'f16' ? await asHalves(pth, key) : await full.read();
        // Not toEqual, which takes its time with millions of bytes.
        expect(Buffer.compare(found, await half.read())).toBe(0);
      }
      await Promise.all([pth.close(), safetensors.close()]);
    },
  );
});

function sharedModel(name: string): string {
  return join(import.meta.dirname, '../../../shared/fixtures', name, 'model');
}

/** An f32 tensor whose values f16 can hold exactly, in f16. */
async function asHalves(stateDict: StateDict, key: string): Promise<Uint8Array> {
  const numbers = await values(stateDict, key);
  const halves = new Uint16Array(numbers.length);
  let exact = true;
  for (const [i, value] of numbers.entries()) {
    const magnitude = Math.abs(value);
    const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 1)));
    const mantissa = magnitude / 2 ** exponent;
    const bits = mantissa >= 1 ? ((exponent + 15) << 10) + (mantissa - 1) * 1024 : mantissa * 1024;
    exact &&= Number.isInteger(bits);
    halves[i] = bits + (value < 0 || Object.is(value, -0) ? 0x8000 : 0);
  }
  expect(exact).toBe(true);
  return new Uint8Array(halves.buffer);
}

describe('written here', () => {
  const storages = { '0': floats(1, 2, 3, 4, 5, 6) };
  const whole: TensorSpec = { storage: '0', shape: [2, 3] };

  test('3000 keys', async () => {
    const tensors = Object.fromEntries(
      Array.from({ length: 3000 }, (_, i) => [
        `w${i}`,
        { storage: '0', shape: [1], offset: i % 6 },
      ]),
    );
    const stateDict = await read(writePth(tensors, storages));
    expect(stateDict.tensors.size).toBe(3000);
    expect(await values(stateDict, 'w2999')).toEqual([6]);
  });

  test.each<[string, Uint8Array]>([
    ['Zip64', writePth({ a: whole }, storages, { zip64: true })],
    [
      'a re-zip with deflate',
      writeZip(
        torchMembers(stateDictPickle({ a: whole }, storages), storages).map((member) => ({
          ...member,
          deflate: true,
        })),
      ),
    ],
    [
      'another top folder',
      writeZip(torchMembers(stateDictPickle({ a: whole }, storages), storages, 'Mein Modell')),
    ],
    ['the legacy stream', writeLegacyPth(stateDictPickle({ a: whole }, storages, true), storages)],
    ['a plain dict', writePthOf(dict([text('a'), tensorPickle(whole, storages['0'])]), storages)],
    [
      '_metadata',
      writePthOf(
        `${stateDictPickle({ a: whole }, storages)}}(${text('_metadata')}${orderedDict([text(''), dict([text('version'), int(1)])])}ub`,
        storages,
      ),
    ],
    [
      'entries that are no tensors',
      writePthOf(
        dict(
          [text('a'), tensorPickle(whole, storages['0'])],
          [text('n'), int(1)],
          [text('x'), 'N'],
        ),
        storages,
      ),
    ],
    [
      'sizes in torch.Size',
      writePthOf(
        dict([
          text('a'),
          tensorPickle(whole, storages['0']).replace(
            tuple(int(2), int(3)),
            `${global('torch', 'Size')}${tuple(int(2), int(3))}\x85R`,
          ),
        ]),
        storages,
      ),
    ],
    [
      'a byte order of little',
      writeZip([
        ...torchMembers(stateDictPickle({ a: whole }, storages), storages),
        { name: 'archive/byteorder', data: new TextEncoder().encode('little') },
      ]),
    ],
  ])('%s', async (_, bytes) => {
    const stateDict = await read(bytes);
    expect([...stateDict.tensors.keys()]).toEqual(['a']);
    expect(await values(stateDict, 'a')).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('a byte order of big is turned around', async () => {
    const swapped = {
      '0': { ...floats(1, 2), data: new Uint8Array([0x3f, 0x80, 0, 0, 0x40, 0, 0, 0]) },
    };
    const members = torchMembers(
      stateDictPickle({ a: { storage: '0', shape: [2] } }, swapped),
      swapped,
    );
    const big = { name: 'archive/byteorder', data: new TextEncoder().encode('big') };
    expect(await values(await read(writeZip([...members, big])), 'a')).toEqual([1, 2]);
    const odd = { name: 'archive/byteorder', data: new TextEncoder().encode('middle') };
    await expectRefused(
      read(writeZip([...members, odd])),
      'corrupt',
      /unknown byte order "middle"/,
    );
  });

  test('strides of dimensions of size 1 mean nothing', async () => {
    const stateDict = await read(
      writePth({ a: { storage: '0', shape: [1, 6, 1], strides: [999, 1, 77] } }, storages),
    );
    expect(await values(stateDict, 'a')).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('a legacy storage that is a slice of another', async () => {
    const id = (first: number, count: number) =>
      `${tuple(text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), int(6), tuple(text('v'), int(first), int(count)))}Q`;
    const tensor = (first: number, count: number) =>
      `${global('torch._utils', '_rebuild_tensor')}${tuple(id(first, count), int(1), tuple(int(2)), tuple(int(1)))}R`;
    const stateDict = await read(writeLegacyPth(dict([text('a'), tensor(2, 3)]), storages));
    expect(await values(stateDict, 'a')).toEqual([4, 5]);
    await expectRefused(
      read(writeLegacyPth(dict([text('a'), tensor(4, 3)]), storages)),
      'corrupt',
      /slice that reaches beyond storage "0"/,
    );
  });

  test('a wrong checksum can be ignored', async () => {
    const members = torchMembers(stateDictPickle({ a: whole }, storages), storages).map(
      (member) => ({ ...member, central: { crc: 0 } }),
    );
    await expectRefused(read(writeZip(members)), 'corrupt', /CRC-32/);
    expect(await values(await read(writeZip(members), { checkCrc: false }), 'a')).toEqual([
      1, 2, 3, 4, 5, 6,
    ]);
  });
});

describe('wrappers and prefixes', () => {
  const storages = { '0': floats(1, 2) };
  const tensor = tensorPickle({ storage: '0', shape: [2] }, storages['0']);
  const names = async (body: string) => [
    ...(await read(writePthOf(body, storages))).tensors.keys(),
  ];
  const inner = dict([text('a.weight'), tensor], [text('b'), tensor]);

  test.each<[string, string]>([
    ['model', dict([text('model'), inner], [text('optimizer'), dict([text('state'), tensor])])],
    ['state_dict', dict([text('epoch'), int(3)], [text('state_dict'), inner])],
    ['model_state_dict', dict([text('model_state_dict'), inner])],
    ['ema', dict([text('ema'), inner])],
    ['model in state_dict', dict([text('state_dict'), dict([text('model'), inner])])],
    [
      'model before ema',
      dict([text('ema'), dict([text('other'), tensor])], [text('model'), inner]),
    ],
    ['an empty model and a full ema', dict([text('model'), dict()], [text('ema'), inner])],
    ['a tensor beside model', dict([text('best'), tensor], [text('model'), inner])],
    ['module.', dict([text('module.a.weight'), tensor], [text('module.b'), tensor])],
    ['_orig_mod.', dict([text('_orig_mod.a.weight'), tensor], [text('_orig_mod.b'), tensor])],
    [
      'module.model._orig_mod.',
      dict(
        [text('module.model._orig_mod.a.weight'), tensor],
        [text('module.model._orig_mod.b'), tensor],
      ),
    ],
  ])('%s', async (_, body) => {
    expect(await names(body)).toEqual(['a.weight', 'b']);
  });

  test('a prefix that not all share stays', async () => {
    expect(await names(dict([text('module.a'), tensor], [text('b'), tensor]))).toEqual([
      'module.a',
      'b',
    ]);
    expect(await names(dict([text('pretrained.model.a'), tensor]))).toEqual(['pretrained.model.a']);
    expect(await names(dict([text('module.'), tensor]))).toEqual(['module.']);
  });

  test('a dict that contains itself', async () => {
    await expectRefused(
      read(writePthOf(`}q\0${text('model')}h\0s`)),
      'unsupported',
      /no tensors at its top level \(keys: "model"\)/,
    );
  });

  test.each<[string, string, RegExp]>([
    [
      'no tensors',
      dict([text('epoch'), int(1)]),
      /no tensors at its top level \(keys: "epoch"\)\. Save the state dict alone/,
    ],
    ['one tensor', tensor, /holds a tensor instead of a state dict/],
    ['a list', list(tensor), /holds a list instead of a state dict/],
  ])('%s', async (_, body, message) => {
    await expectRefused(read(writePthOf(body, storages)), 'unsupported', message);
  });

  test('safetensors lose a common prefix too, in openCheckpoint', async () => {
    const header = '{"module.a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}';
    const bytes = new Uint8Array(8 + header.length);
    bytes[0] = header.length;
    bytes.set(new TextEncoder().encode(header), 8);
    expect([...(await openCheckpoint(source(bytes))).tensors.keys()]).toEqual(['a']);
  });
});

describe('hostile pickles', () => {
  const storages = { '0': floats(1, 2, 3, 4) };
  const call = (module: string, name: string) => `${global(module, name)}${tuple(text('echo'))}R`;

  test.each<[string, string, RegExp]>([
    ['os.system', call('os', 'system'), /asks for "os\.system", which runs code\. Nothing was run/],
    ['posix.system', call('posix', 'system'), /"posix\.system", which runs code/],
    ['__builtin__.eval', call('__builtin__', 'eval'), /"__builtin__\.eval", which runs code/],
    [
      'builtins.exec by STACK_GLOBAL',
      `${text('builtins')}${text('exec')}\x93`,
      /"builtins\.exec", which runs code/,
    ],
    ['a name under os', call('os.path', 'join'), /which runs code/],
    ['INST', '(ios\nsystem\n', /opcode INST/],
    [
      'an unknown function',
      `]${call('numpy.core.multiarray', 'scalar')}a`,
      /asks for "numpy\.core\.multiarray\.scalar", which no state dict needs/,
    ],
    [
      'toString',
      `]${global('toString', 'constructor')}a`,
      /"toString\.constructor", which no state dict needs/,
    ],
    [
      'torch.__proto__',
      `]${global('torch', '__proto__')}a`,
      /"torch\.__proto__", which no state dict needs/,
    ],
    [
      'a storage that is called',
      `${global('torch', 'FloatStorage')}${tuple(int(9))}R`,
      /calls torch\.FloatStorage, which is not a function/,
    ],
    [
      'state of a tensor',
      `${tensorPickle({ storage: '0', shape: [4] }, storages['0'])}}b`,
      /sets the state of a tensor/,
    ],
  ])('%s', async (_, body, message) => {
    for (const bytes of [writePthOf(body, storages), writeLegacyPth(body, storages)]) {
      await expectRefused(read(bytes), 'unsafe', message);
    }
  });

  test('code is refused even when other objects are skipped', async () => {
    await expectRefused(
      read(writePthOf(call('os', 'system')), { lenient: true }),
      'unsafe',
      /runs code/,
    );
  });

  test('a whole model: a class at the root', async () => {
    await expectRefused(
      read(writePthOf(`${global('__main__', 'Net')})\x81}b`)),
      'unsupported',
      /whole pickled object \("__main__\.Net"\)/,
    );
    const legacy = `${tuple(text('module'), global('torch', 'Size'), text('net.py'), text('class Net'))}Q`;
    await expectRefused(
      read(writeLegacyPth(legacy, {})),
      'unsupported',
      /a model with its source code/,
    );
  });

  test.each<[string, Partial<TensorSpec>, RegExp]>([
    [
      'a stride beyond the storage',
      { shape: [2, 2], strides: [3, 1] },
      /tensor "a" reaches element 5 of a storage of 4/,
    ],
    [
      'an offset beyond the storage',
      { shape: [2], offset: 3 },
      /reaches element 5 of a storage of 4/,
    ],
    ['a negative size', { shape: [-1], strides: [1] }, /impossible sizes \[-1\]/],
    ['a negative stride', { shape: [2], strides: [-1] }, /strides \[-1\]/],
    ['a negative offset', { shape: [2], offset: -1 }, /offset -1/],
    ['rank 9', { shape: new Array<number>(9).fill(1) }, /has 9 dimensions; at most 8/],
    ['rank 100', { shape: new Array<number>(100).fill(1) }, /has 100 dimensions/],
    [
      '2⁶⁰ elements',
      { shape: [2 ** 30, 2 ** 30], strides: [0, 0] },
      /impossible size \[1073741824, 1073741824\]/,
    ],
    [
      '2³⁹ elements from one',
      { shape: [2 ** 30, 2 ** 9], strides: [0, 0] },
      /repeats 1 stored elements to fill/,
    ],
    ['sizes without strides', { shape: [2, 2], strides: [1] }, /2 sizes and 1 strides/],
  ])('%s', async (_, spec, message) => {
    const bytes = writePth({ a: { storage: '0', shape: [4], ...spec } }, storages);
    await expectRefused(read(bytes), 'corrupt', message);
  });

  test('an offset above 2⁵³', async () => {
    await expectRefused(
      read(writePth({ a: { storage: '0', shape: [1], offset: 2n ** 60n } }, storages)),
      'corrupt',
      /calls torch\._utils\._rebuild_tensor_v2 with \(a storage, a number, a tuple/,
    );
  });

  test('an empty tensor may claim any other size', async () => {
    const stateDict = await read(
      writePth({ a: { storage: '0', shape: [2 ** 30, 0], strides: [1, 1], offset: 99 } }, storages),
    );
    expect(await values(stateDict, 'a')).toEqual([]);
  });

  test.each<[string, Partial<StorageSpec>, RegExp]>([
    [
      'more elements than bytes',
      { count: 100 },
      /tensor "a" lies in "data\/0", which has 16 bytes instead of 400/,
    ],
    ['a negative count', { count: -1 }, /malformed persistent id/],
    ['a huge count', { count: 2 ** 50 }, /which has 16 bytes instead of/],
    ['an unknown class', { type: 'Tensor' }, /asks for "torch\.Tensor"/],
    [
      'complex elements',
      { type: 'ComplexFloatStorage' },
      /complex or quantised tensors \(torch\.ComplexFloatStorage\)/,
    ],
    ['quantised elements', { type: 'QInt8Storage' }, /complex or quantised/],
    ['untyped elements', { type: 'storage.UntypedStorage' }, /newer dtype/],
  ])('a storage of %s', async (_, spec, message) => {
    const lying = { '0': { ...storages['0'], ...spec } };
    await expect(read(writePth({ a: { storage: '0', shape: [4] } }, lying))).rejects.toThrow(
      message,
    );
  });

  test('a storage that is not there, or is called by a path', async () => {
    for (const key of ['1', '../data.pkl', '']) {
      const body = dict([text('a'), tensorPickle({ storage: key, shape: [4] }, storages['0'])]);
      await expectRefused(read(writePthOf(body, storages)), 'corrupt', /which is missing/);
    }
  });

  test('one storage described in two ways', async () => {
    const body = dict(
      [text('a'), tensorPickle({ storage: '0', shape: [4] }, storages['0'])],
      [
        text('b'),
        tensorPickle({ storage: '0', shape: [4] }, { ...storages['0'], type: 'IntStorage' }),
      ],
    );
    await expectRefused(
      read(writePthOf(body, storages)),
      'corrupt',
      /describes storage "0" in two ways/,
    );
  });

  test('a tensor that is named by a number', async () => {
    const body = dict([int(1), tensorPickle({ storage: '0', shape: [4] }, storages['0'])]);
    await expectRefused(read(writePthOf(body, storages)), 'corrupt', /names a tensor by a number/);
  });

  test('an equal key', async () => {
    const tensor = tensorPickle({ storage: '0', shape: [4] }, storages['0']);
    await expectRefused(
      read(writePthOf(dict([text('a'), tensor], [text('a'), tensor]), storages)),
      'corrupt',
      /has the key "a" twice/,
    );
    const pairs = `${global('collections', 'OrderedDict')}${list(tuple(text('a'), tensor), tuple(text('a'), tensor))}\x85R`;
    await expectRefused(read(writePthOf(pairs, storages)), 'corrupt', /has the key "a" twice/);
  });

  test('two data.pkl', async () => {
    const members = torchMembers(stateDictPickle({}, {}), {});
    await expectRefused(
      read(writeZip([...members, { name: 'other/data.pkl', data: new Uint8Array(1) }])),
      'unsafe',
      /2 members named data\.pkl/,
    );
    await expectRefused(
      read(writeZip([...members, { name: 'archive/x/data.pkl', data: new Uint8Array(1) }])),
      'unsafe',
      /2 members named data\.pkl/,
    );
  });

  test('a data.pkl above 64 MiB', async () => {
    const data = new Uint8Array(65 * 2 ** 20);
    await expectRefused(
      read(writeZip([{ name: 'a/data.pkl', data }])),
      'unsafe',
      /data\.pkl is 68157440 bytes; at most 67108864/,
    );
  });
});

describe('files that are cut or damaged', () => {
  const storages = { '0': floats(...Array.from({ length: 500 }, (_, i) => i)) };
  const tensors = { a: { storage: '0', shape: [500] } };
  const attempt = async (bytes: Uint8Array) => {
    const stateDict = await read(bytes);
    return Promise.all([...stateDict.tensors.values()].map((tensor) => tensor.read()));
  };

  test('the legacy stream, cut anywhere', async () => {
    const bytes = writeLegacyPth(stateDictPickle(tensors, storages, true), storages);
    for (let length = 15; length < bytes.length; length += 53) {
      await expect(attempt(bytes.slice(0, length))).rejects.toThrow(
        /model\.pth: .*[Cc]opy or download/,
      );
    }
  });

  test('the legacy stream, flipped anywhere: an error or some values', async () => {
    const bytes = writeLegacyPth(stateDictPickle(tensors, storages, true), storages);
    for (let at = 15; at < 600; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 0xff;
      await attempt(damaged).catch((error: Error) => expect(error.name).toBe('CheckpointError'));
    }
  });

  test('the legacy stream with wrong counts, keys, version and byte order', async () => {
    const body = stateDictPickle(tensors, storages, true);
    const bytes = writeLegacyPth(body, storages);
    bytes[bytes.length - 2008] = 1;
    await expectRefused(attempt(bytes), 'corrupt', /storage "0" has \d+ elements, expected 500/);
    await expectRefused(
      attempt(writeLegacyPth(body, {})),
      'corrupt',
      /tensor "a" lies in storage "0", which is missing/,
    );
    await expectRefused(
      attempt(writeLegacyPth(orderedDict(), storages)),
      'corrupt',
      /the storage "0" that no tensor uses/,
    );
    await expectRefused(
      attempt(writeLegacyPth(body, storages, false)),
      'unsupported',
      /saved on a big-endian machine/,
    );
    const magic = '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.';
    await expectRefused(
      attempt(pickle(magic, proto, int(1002), stop)),
      'corrupt',
      /unknown version of the format/,
    );
  });

  test('a legacy pickle longer than the first read', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 8000 }, (_, i) => [
        `${'x'.repeat(100)}${i}`,
        { storage: '0', shape: [1], offset: i % 500 },
      ]),
    );
    const stateDict = await read(writeLegacyPth(stateDictPickle(many, storages, true), storages));
    expect(stateDict.tensors.size).toBe(8000);
    expect(await values(stateDict, `${'x'.repeat(100)}7999`)).toEqual([499]);
  });
});
