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

/**
 * The text of a …_subgroup_matrix.wgsl with its matrices as arrays of 256 values of every thread, which loads all and
 * computes and stores eight, its own: wasteful and plain, but any device can run it. All else stays as it is: tiles,
 * barriers, softmax, epilogue. Subgroups are 32 threads in a row, and f16 becomes f32 unless the device has it. Shuffles
 * are the device's, among neighbours.
 */
function emulateMatrices(source: string, { f16 }: { f16: boolean }): string {
  const stored = new Set<string>();
  const loads = new Map<string, string>();
  const text = source
    .replace(/^(enable|diagnostic).*$/gm, '')
    .replace('@subgroup_size(LANES)', '')
    .replace(/@builtin\(subgroup_\w+\) \w+: u32,/g, '')
    .replace(/^\) \{$/m, '$&\n  let subgroup = lane / 32u; let own = lane % 32u;')
    .replace(
      /\b(let )?(\w+(?:\[.*\])?) = subgroupMatrixLoad<\w+, (\w+)>\(&(\w+), (.*)\);/g,
      (_, bound: string | undefined, matrix: string, order: string, tile: string, at: string) => {
        loads.set(`${order}_${tile}`, loadText(order, tile));
        return `${bound ? `var ${matrix}: Matrix; ` : ''}load_${order}_${tile}(&${matrix}, ${at});`;
      },
    )
    .replace(
      /\S.* = subgroupMatrixMultiplyAccumulate\((.*), (\w+), (.*)\);/g,
      'multiply_add(own, &$1, &$2, &$3);',
    )
    .replace(
      /subgroupMatrixStore<row_major>\(&(\w+), (.*), (\w+(?:\[.*\])?), (\w+)\);/g,
      (_, tile: string, at: string, matrix: string, pitch: string) => {
        stored.add(tile);
        return `store_row_major_${tile}(own, &${matrix}, ${at}, ${pitch});`;
      },
    )
    .replace(/subgroup_matrix_\w+<\w+, 16, 16>/g, 'Matrix');
  const stores = [...stored].map(
    (tile) => `
fn store_row_major_${tile}(own: u32, m: ptr<function, Matrix>, at: u32, pitch: u32) {
  for (var i = own * 8u; i < own * 8u + 8u; i++) { ${tile}[at + i / 16u * pitch + i % 16u] = (*m)[i]; }
}`,
  );
  const whole = `${text}
alias Matrix = array<f32, 256>;
${[...loads.values(), ...stores].join('\n')}

fn multiply_add(own: u32, a: ptr<function, Matrix>, b: ptr<function, Matrix>, sums: ptr<function, Matrix>) {
  for (var i = own * 8u; i < own * 8u + 8u; i++) {
    for (var k = 0u; k < 16u; k++) {
      (*sums)[i] += (*a)[i / 16u * 16u + k] * (*b)[k * 16u + i % 16u];
    }
  }
}
`;
  const shuffles = /\bsubgroupShuffle/.test(source) ? 'enable subgroups;\n' : '';
  return shuffles + (f16 ? `enable f16;\n${whole}` : whole.replaceAll('f16', 'f32'));
}

function loadText(order: string, tile: string): string {
  const place = order === 'row_major' ? 'i / 16u * pitch + i % 16u' : 'i % 16u * pitch + i / 16u';
  return `
fn load_${order}_${tile}(m: ptr<function, Matrix>, at: u32, pitch: u32) {
  for (var i = 0u; i < 256u; i++) { (*m)[i] = f32(${tile}[at + ${place}]); }
}`;
}
