// Layer normalisation over the last axis: y = (x − mean) / √(var + eps) · weight + bias + residual
//
// One subgroup per row, which reads it once and keeps it in registers: LANES · COUNT vec4s. Sums are those of the subgroup, so
// there are no barriers and no workgroup memory. Still two sums, one after the other, because E[x²] − mean² cancels for
// rows far from zero.
//
// Needs subgroups of LANES or more and C divisible by 4, at most 64 · LANES.
enable subgroups;
alias X = f32;                              // storage of x
alias W = f32;                              // of weight and bias
alias R = f32;                              // of residual
alias Y = f32;                              // of y; arithmetic is f32 whatever they are
override LANES: u32 = 4;                    // of a workgroup, and of a subgroup at least
override COUNT: u32 = 16;                   // vec4s of a row that a lane holds, at most 16
override HAS_RESIDUAL: bool = false;

struct Params { rows: u32, C: u32, eps: f32 }   // C in units of vec4

@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;             // [rows, C]
@group(0) @binding(1) var<storage, read> weight: array<vec4<W>>;        // [C]
@group(0) @binding(2) var<storage, read> bias: array<vec4<W>>;          // [C]
@group(0) @binding(3) var<storage, read> residual: array<vec4<R>>;      // [rows, C]
@group(0) @binding(4) var<storage, read_write> y: array<vec4<Y>>;       // [rows, C]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * 32768u;
  if (index >= params.rows) { return; }
  let C = params.C;
  let row = index * C;

  var values: array<vec4f, 16>;
  var sum = vec4f();
  for (var i = 0u; i < COUNT; i++) {
    let c = lane + i * LANES;
    if (c < C) { values[i] = vec4f(x[row + c]); }
    sum += values[i];
  }
  let mean = subgroupAdd(dot(sum, vec4f(1.0))) / f32(C * 4u);

  var squares = 0.0;
  for (var i = 0u; i < COUNT; i++) {
    let d = values[i] - mean;
    if (lane + i * LANES < C) { squares += dot(d, d); }
  }
  let scale = inverseSqrt(subgroupAdd(squares) / f32(C * 4u) + params.eps);

  for (var i = 0u; i < COUNT; i++) {
    let c = lane + i * LANES;
    if (c >= C) { break; }
    var v = (values[i] - mean) * scale * vec4f(weight[c]) + vec4f(bias[c]);
    if (HAS_RESIDUAL) { v += vec4f(residual[row + c]); }
    y[row + c] = vec4<Y>(v);
  }
}
