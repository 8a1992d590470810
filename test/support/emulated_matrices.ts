import type { Capabilities } from '../../packages/tensor/src/capabilities.ts';
import { type AnyKernel, Kernel, kernels } from '../../packages/tensor/src/kernel.ts';
import { shaderSource } from '../../packages/tensor/src/shaders/disk.ts';

/** A kernel for matrix units as a device can run it: with them where it has some, else with matrices emulated. */
export function matrixKernel(
  shader: string,
  { subgroupMatrix, f16 }: Pick<Capabilities, 'subgroupMatrix' | 'f16'>,
): AnyKernel {
  const kernel = kernels.get(shader);
  if (!kernel) throw new Error(`No kernel of ${shader}.wgsl is defined.`);
  if (subgroupMatrix) return kernel;
  const source = emulateMatrices(shaderSource(shader), { f16 });
  return new Kernel('emulated', { ...kernel.layout, source });
}

/** Values of a matrix that a thread holds: of its row of a left one, of its eight columns of a right one, its eight results. */
const values = { left: 16, right: 128, result: 8 };

/** Row and column, as counted by i, of what a thread holds. Its results are half a row. */
const places: Readonly<Record<string, readonly [row: string, column: string]>> = {
  Left: ['own / 2u', 'i'],
  Right: ['i / 8u', 'own % 2u * 8u + i % 8u'],
  Sums: ['own / 2u', 'own % 2u * 8u + i'],
};

/**
 * The text of a …_subgroup_matrix.wgsl with its matrices as arrays of every thread, in which it holds what eight of the 256
 * results need: plain, and any device can run it. All else stays as it is: tiles, barriers, softmax, epilogue. Subgroups are
 * 32 threads in a row, and f16 becomes f32 unless the device has it. Shuffles are the device's, among neighbours.
 */
function emulateMatrices(source: string, { f16 }: { f16: boolean }): string {
  const moves = new Map<string, string>();
  const text = source
    .replace(/^(enable|diagnostic).*$/gm, '')
    .replace('@subgroup_size(LANES)', '')
    .replace(/@builtin\(subgroup_\w+\) \w+: u32,/g, '')
    .replace(/^\) \{$/m, '$&\n  let subgroup = lane / 32u; let own = lane % 32u;')
    .replace(
      /\b(let )?(\w+(?:\[.*\])?) = subgroupMatrixLoad<(\w+), (\w+)>\(&(\w+), (.*)\);/g,
      (
        _,
        bound: string | undefined,
        matrix: string,
        kind: string,
        order: string,
        ...[tile, at]
      ) => {
        const name = `load_${kind}_${order}_${tile}`;
        moves.set(name, moveText(name, kind, `(*m)[i] = f32(${tile}[${placeText(kind, order)}]);`));
        return `${bound ? `var ${matrix}: ${kind}; ` : ''}${name}(own, &${matrix}, ${at});`;
      },
    )
    .replace(
      /\S.* = subgroupMatrixMultiplyAccumulate\((.*), (\w+), (.*)\);/g,
      'multiply_add(&$1, &$2, &$3);',
    )
    .replace(
      /subgroupMatrixStore<(\w+)>\(&(\w+), (.*), (\w+(?:\[.*\])?), (\w+)\);/g,
      (_, order: string, tile: string, at: string, matrix: string, pitch: string) => {
        const name = `store_${order}_${tile}`;
        moves.set(name, moveText(name, 'Sums', `${tile}[${placeText('Sums', order)}] = (*m)[i];`));
        return `${name}(own, &${matrix}, ${at}, ${pitch});`;
      },
    )
    .replace(
      /subgroup_matrix_(left|right|result)<\w+, 16, 16>/g,
      (_, kind: keyof typeof values) => `array<f32, ${values[kind]}>`,
    );
  const whole = `${text}
${[...moves.values()].join('\n')}

fn multiply_add(a: ptr<function, Left>, b: ptr<function, Right>, sums: ptr<function, Sums>) {
  for (var i = 0u; i < ${values.result}u; i++) {
    for (var k = 0u; k < 16u; k++) { (*sums)[i] += (*a)[k] * (*b)[k * 8u + i]; }
  }
}
`;
  const shuffles = /\bsubgroupShuffle/.test(source) ? 'enable subgroups;\n' : '';
  return shuffles + (f16 ? `enable f16;\n${whole}` : whole.replaceAll('f16', 'f32'));
}

function placeText(kind: string, order: string): string {
  const [row, column] = places[kind]!;
  const [slow, fast] = order === 'row_major' ? [row, column] : [column, row];
  return `at + (${slow}) * pitch + ${fast}`;
}

function moveText(name: string, kind: string, move: string): string {
  const count = { Left: values.left, Right: values.right, Sums: values.result }[kind]!;
  return `
fn ${name}(own: u32, m: ptr<function, ${kind}>, at: u32, pitch: u32) {
  for (var i = 0u; i < ${count}u; i++) { ${move} }
}`;
}
