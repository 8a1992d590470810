/**
 * The text of linear_subgroup_matrix.wgsl with its matrices as rows of 256 values in arrays of every thread, of which each
 * computes all: as wasteful as it is plain, but any device can run it. f16 becomes f32; subgroups are 32 threads in a row.
 */
export function emulateMatrices(source: string): string {
  const text = source
    .replace(/^(enable|diagnostic).*$/gm, '')
    .replace('@subgroup_size(32)', '')
    .replace(/@builtin\(subgroup_\w+\) \w+: u32,/g, '')
    .replace(/^ {2}let K4 = .*$/m, '$&\n  let subgroup = lane / 32u; let own = lane % 32u;')
    .replaceAll('f16', 'f32')
    .replace(/^ *var \w+: array<subgroup_matrix.*$/gm, '')
    .replace(/(?:let columns|rows\[(r)\]) = subgroupMatrixLoad<.*>\(&(\w)_slice, /g, 'load_$2($1, ')
    .replaceAll('load_w(, ', 'load_columns(')
    .replaceAll('load_x(r, ', 'load_rows(r, ')
    .replace(/sums\[(.*)\] = subgroupMatrixMultiplyAccumulate\(.*\);/, 'multiply_add(r, $1);')
    .replace(/subgroupMatrixStore<row_major>\(&results, (.*), sums\[(.*)\], 16u\)/, 'keep($1, $2)');
  return `${text}
var<private> sums: array<f32, 4096>;
var<private> rows: array<f32, 1024>;
var<private> columns: array<f32, 256>;

fn load_rows(r: u32, offset: u32, stride: u32) {
  for (var i = 0u; i < 256u; i++) { rows[r * 256u + i] = x_slice[offset + i / 16u * stride + i % 16u]; }
}

fn load_columns(offset: u32, stride: u32) {
  for (var i = 0u; i < 256u; i++) { columns[i] = w_slice[offset + i / 16u * stride + i % 16u]; }
}

fn multiply_add(r: u32, m: u32) {
  for (var i = 0u; i < 256u; i++) {
    for (var k = 0u; k < 16u; k++) {
      sums[m * 256u + i] += rows[r * 256u + i / 16u * 16u + k] * columns[k * 16u + i % 16u];
    }
  }
}

fn keep(offset: u32, m: u32) {
  for (var i = 0u; i < 256u; i++) { results[offset + i] = sums[m * 256u + i]; }
}
`;
}
