// Softmax over the last axis: y = exp(x − max x) / Σ exp(x − max x)
// One thread per row, three walks along it. The row's maximum is subtracted first, so no exponent is positive.
alias T = f32;                              // storage; arithmetic is f32 whatever it is

struct Params { rows: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [rows, C]
@group(0) @binding(1) var<storage, read_write> y: array<T>;             // [rows, C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.rows) { return; }
  let C = params.C;
  let row = index * C;

  var largest = f32(x[row]);
  for (var c = 1u; c < C; c++) { largest = max(largest, f32(x[row + c])); }

  var sum = 0.0;
  for (var c = 0u; c < C; c++) { sum += exp(f32(x[row + c]) - largest); }

  for (var c = 0u; c < C; c++) { y[row + c] = T(exp(f32(x[row + c]) - largest) / sum); }
}
