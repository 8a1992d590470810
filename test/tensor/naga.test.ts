// Shaders under a second compiler, naga, the one of Firefox: every file as it stands and as bundles carry it, and every specialisation that the
// models of all families use, on software and on GPUs, in f32 and, where the driver has it, in f16.
// Not here: subgroups and external textures, which naga in Deno has not; their shaders are variants that are asked for by feature.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { buildDpt, planPrediction, recognise } from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { Context, type Dtype } from '../../packages/tensor/src/index.ts';
import { type Step, specialise } from '../../packages/tensor/src/kernel.ts';
import { bareShader } from '../../scripts/bare_shader.ts';
import { denoPath } from '../support/deno.ts';
import { fixtures } from '../support/models.ts';

const root = join(import.meta.dirname, '../..');

interface Program {
  readonly code: string;
  readonly constants: Readonly<Record<string, number>>;
  readonly needsF16: boolean;
}

/** By shader and specialisation. */
const programs = new Map<string, Program>();

for (const file of readdirSync(join(root, 'shaders')).filter((name) => name.endsWith('.wgsl'))) {
  const code = readFileSync(join(root, 'shaders', file), 'utf8');
  const name = basename(file, '.wgsl');
  programs.set(name, { code, constants: {}, needsF16: false });
  programs.set(`${name} bare`, { code: bareShader(code), constants: {}, needsF16: false });
}
for (const file of readdirSync(fixtures, { recursive: true, encoding: 'utf8' })) {
  if (basename(file) !== 'model.safetensors') continue;
  for (const dtype of ['f32', 'f16'] as const) {
    for (const software of [true, false]) {
      for (const step of await stepsOf(join(fixtures, file), dtype, software)) add(step);
    }
  }
}

const naga = spawnSync(
  denoPath(),
  ['run', '--no-remote', '--allow-all', join(import.meta.dirname, 'naga', 'compile.js')],
  {
    input: JSON.stringify([...programs.values()]),
    encoding: 'utf8',
    maxBuffer: 1e8,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' },
  },
);
if (naga.status !== 0) throw new Error(`deno ended with ${naga.status}: ${naga.stderr}`);
const { hasF16, messages } = JSON.parse(naga.stdout) as { hasF16: boolean; messages: string[] };
const results = [...programs].map(([name, program], i) => ({
  name,
  message: messages[i]!,
  program,
}));

test('all models are among them', () => {
  expect(results.length).toBeGreaterThan(80);
  expect(results.filter(({ program }) => program.needsF16).length).toBeGreaterThan(20);
  expect(messages.length).toBe(programs.size);
});

const beyondNaga = /^enable subgroups;|texture_external/m;

test.each(
  results.filter(({ program }) => !beyondNaga.test(program.code) && (hasF16 || !program.needsF16)),
)('$name', ({ message }) => {
  expect(message).toBe('');
});

// So that they move to the others when naga has learnt it.
test.each(results.filter(({ program }) => beyondNaga.test(program.code)))(
  '$name is beyond naga',
  ({ message }) => {
    expect(message).toMatch(/enable-extension|TEXTURE_EXTERNAL\) is required/);
  },
);

test('a shader that naga refuses is seen', () => {
  const { stdout } = spawnSync(
    denoPath(),
    ['run', '--no-remote', '--allow-all', join(import.meta.dirname, 'naga', 'compile.js')],
    {
      input: JSON.stringify([
        {
          code: '@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }',
          constants: {},
          needsF16: false,
        },
      ]),
      encoding: 'utf8',
    },
  );
  expect((JSON.parse(stdout) as { messages: string[] }).messages[0]).toContain('u32');
});

async function stepsOf(file: string, dtype: Dtype, software: boolean): Promise<readonly Step[]> {
  const checkpoint = await openCheckpointFile(file);
  try {
    const context = Context.planning({ f16: true, software });
    const model = buildDpt(context, recognise(checkpoint), { dtype });
    return planPrediction(model, { width: 640, height: 480 }).steps;
  } finally {
    await checkpoint.close();
  }
}

function add(step: Step): void {
  const { kernel, types, overrides } = step;
  const name = [kernel.shader, ...[types, overrides].flatMap(Object.entries).map(String)].join(' ');
  const constants = Object.fromEntries(
    Object.entries(overrides).map(([key, value]) => [key, Number(value)]),
  );
  const code = specialise(kernel, types);
  programs.set(name, { code, constants, needsF16: code.startsWith('enable f16;') });
}
