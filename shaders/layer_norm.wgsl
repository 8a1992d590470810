// Layer normalisation over the last axis: y = (x − mean) / √(var + eps) · weight + bias + residual
// One workgroup per row. Two passes, because E[x²] − mean² cancels for rows far from zero.
alias X = f32;                              // storage of x
alias W = f32;                              // of weight and bias
alias R = f32;                              // of residual
alias Y = f32;                              // of y; arithmetic is f32 whatever they are
override HAS_RESIDUAL: bool = false;
const WORKGROUP_SIZE = 64u;

struct Params { rows: u32, C: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<X>;             // [rows, C]
@group(0) @binding(1) var<storage, read> weight: array<W>;        // [C]
@group(0) @binding(2) var<storage, read> bias: array<W>;          // [C]
@group(0) @binding(3) var<storage, read> residual: array<R>;      // [rows, C]
@group(0) @binding(4) var<storage, read_write> y: array<Y>;       // [rows, C]
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> partial: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let C = params.C;
  // Past the end the last row is computed again but not stored: barriers must be reached by every workgroup alike.
  let index = group.x + group.y * 32768u;
  let row = min(index, params.rows - 1u) * C;

  var sum = 0.0;
  for (var c = lane; c < C; c += WORKGROUP_SIZE) { sum += f32(x[row + c]); }
  let mean = workgroup_sum(sum, lane) / f32(C);

  var squares = 0.0;
  for (var c = lane; c < C; c += WORKGROUP_SIZE) {
    let d = f32(x[row + c]) - mean;
    squares += d * d;
  }
  let scale = inverseSqrt(workgroup_sum(squares, lane) / f32(C) + params.eps);

  if (index >= params.rows) { return; }
  for (var c = lane; c < C; c += WORKGROUP_SIZE) {
    var v = (f32(x[row + c]) - mean) * scale * f32(weight[c]) + f32(bias[c]);
    if (HAS_RESIDUAL) { v += f32(residual[row + c]); }
    y[row + c] = Y(v);
  }
}

fn workgroup_sum(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  let total = partial[0];
  workgroupBarrier();
  return total;
}
