// Kernels and shaders: every defineKernel in the packages names a shader that exists, with its bindings and parameters in
// the shader's order, access and types; every shader has a kernel and a row in the index, is valid WGSL as it stands,
// and folds its workgroups as the engine does. Not here: what the shaders compute (test/tensor/ops).
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type VariableInfo, WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import {
  type AnyKernel,
  FOLD,
  Kernel,
  type KernelLayout,
  kernels,
  type Params,
} from '../../packages/tensor/src/kernel.ts';
import { testDevice } from '../support/device.ts';
import { nullDevice } from '../support/null_device.ts';

const root = join(import.meta.dirname, '../..');
const sources = new Map(
  filesIn('shaders', '.wgsl').map((file) => [basename(file, '.wgsl'), readFileSync(file, 'utf8')]),
);

// A kernel exists once the file that defines it is loaded.
for (const file of filesIn('packages', '.ts')) {
  if (/[:=] defineKernel\(/.test(readFileSync(file, 'utf8')))
    await import(pathToFileURL(file).href);
}

test('every kernel has a shader and every shader a kernel', () => {
  expect(kernels.size).toBeGreaterThan(10);
  expect([...kernels.keys()].sort()).toEqual([...sources.keys()].sort());
});

test('every shader has its row in shaders/README.md', () => {
  const index = readFileSync(join(root, 'shaders/README.md'), 'utf8');
  const rows = [...index.matchAll(/^\| \[`(\w+)`\]\((\w+)\.wgsl\) \|/gm)];
  expect(rows.filter(([, name, file]) => name !== file)).toEqual([]);
  expect(rows.map(([, name]) => name).sort()).toEqual([...sources.keys()].sort());
});

describe.each([...kernels.values()].map((kernel) => [kernel.shader, kernel] as const))(
  '%s',
  (shader, kernel) => {
    const source = sources.get(shader) ?? '';

    test('binds what its shader declares', () => {
      expect(layoutOf(kernel)).toEqual(layoutIn(source));
    });

    test('is valid as it stands', async () => {
      // Dawn's null backend knows every feature, also those of the few files that start with `enable`.
      const device = await (/^enable /m.test(source) ? nullDevice() : testDevice());
      const module = device.createShaderModule({ code: source });
      expect((await module.getCompilationInfo()).messages.map(({ message }) => message)).toEqual(
        [],
      );
    });

    test('reads its workgroup index as foldWorkgroups lays it out', () => {
      const folds = [...source.matchAll(/group\.y \* (\d+)u/g)].map(([, width]) => Number(width));
      expect(new Set(folds)).toEqual(new Set([FOLD]));
    });
  },
);

test('a layout that differs from its shader in a name, an order, an access or a type is seen', () => {
  const source = sources.get('layer_norm')!;
  const good: KernelLayout<string, string, Params> = {
    reads: ['x', 'weight', 'bias', 'residual'],
    writes: ['y'],
    params: { rows: 'u32', C: 'u32', eps: 'f32' },
  };
  expect(layoutOf(new Kernel('layer_norm', good))).toEqual(layoutIn(source));
  const wrongs: KernelLayout<string, string, Params>[] = [
    { ...good, reads: ['x', 'weight', 'shift', 'residual'] },
    { ...good, reads: ['x', 'bias', 'weight', 'residual'] },
    { ...good, reads: ['x', 'weight', 'bias', 'residual', 'y'], writes: [] },
    { ...good, params: { rows: 'u32', C: 'u32', eps: 'u32' } },
    { ...good, params: { C: 'u32', rows: 'u32', eps: 'f32' } },
    { ...good, params: { rows: 'u32', C: 'u32' } },
  ];
  for (const wrong of wrongs) {
    expect(layoutOf(new Kernel('layer_norm', wrong))).not.toEqual(layoutIn(source));
  }
});

interface Layout {
  /** In the order of their binding numbers. */
  readonly bindings: readonly string[];
  readonly params: readonly string[];
}

function layoutOf({ layout }: Pick<AnyKernel, 'layout'>): Layout {
  const params = Object.entries(layout.params).map(([name, type]) => `${name}: ${type}`);
  const bindings = [
    ...layout.reads.map((name) => `read ${name}`),
    ...layout.writes.map((name) => `read_write ${name}`),
    ...(layout.textures ?? []).map((name) => `texture ${name}`),
    ...(params.length > 0 ? ['uniform params'] : []),
  ];
  return { bindings: bindings.map((text, binding) => `${binding} ${text}`), params };
}

function layoutIn(source: string): Layout {
  // The parser knows no subgroup matrices; what they are made of does not matter here.
  const plain = source
    .replace(/subgroup_matrix_\w+<[^>]*>/g, 'f32')
    .replace(/(subgroupMatrix\w+)<[^(]*>\(/g, '$1(');
  const { storage, uniforms } = new WgslReflect(plain);
  // Variables without an address space; their type may be an alias.
  const textures = [...source.matchAll(/@binding\((\d+)\) var (\w+):/g)].map(
    ([, binding, name]) => ({ binding: Number(binding), text: `texture ${name}` }),
  );
  const names = new Set(textures.map(({ text }) => text));
  const buffers = [...storage, ...uniforms]
    .filter(({ name }) => !names.has(`texture ${name}`))
    .map((variable: VariableInfo) => {
      const { binding, access, name } = variable;
      return { binding, text: `${uniforms.includes(variable) ? 'uniform' : access} ${name}` };
    });
  const sorted = [...buffers, ...textures].sort((a, b) => a.binding - b.binding);
  return {
    bindings: sorted.map(({ binding, text }) => `${binding} ${text}`),
    params: uniforms.flatMap(({ members }) =>
      (members ?? []).map(({ name, type }) => `${name}: ${type.name}`),
    ),
  };
}

function filesIn(folder: string, extension: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(extension) && !file.includes('node_modules'))
    .map((file) => join(root, folder, file));
}
