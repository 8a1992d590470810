// Layer normalisation over the last axis: y = (x − mean) / √(var + eps) · weight + bias + residual
// One thread per row, no barriers: for processors that play GPU, where a barrier costs more than the row.
// Two passes, because E[x²] − mean² cancels for rows far from zero. V is four channels at a time where C allows.
alias X = f32;                              // storage of x:               f32, f16, vec4<f32> or vec4<f16>
alias W = f32;                              // of weight and bias:         likewise
alias R = f32;                              // of residual:                likewise
alias Y = f32;                              // of y:                       likewise
alias V = f32;                              // arithmetic:                 f32 or vec4<f32>
override LANES: f32 = 1.0;                  // values in a V
override HAS_RESIDUAL: bool = false;

struct Params { rows: u32, C: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<X>;             // [rows, C]
@group(0) @binding(1) var<storage, read> weight: array<W>;        // [C]
@group(0) @binding(2) var<storage, read> bias: array<W>;          // [C]
@group(0) @binding(3) var<storage, read> residual: array<R>;      // [rows, C]
@group(0) @binding(4) var<storage, read_write> y: array<Y>;       // [rows, C]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.rows) { return; }
  let C = params.C;
  let row = index * C;

  var sum = V();
  for (var c = 0u; c < C; c++) { sum += V(x[row + c]); }
  let mean = total(sum) / (f32(C) * LANES);

  var squares = V();
  for (var c = 0u; c < C; c++) {
    let d = V(x[row + c]) - V(mean);
    squares += d * d;
  }
  let scale = inverseSqrt(total(squares) / (f32(C) * LANES) + params.eps);

  for (var c = 0u; c < C; c++) {
    var v = (V(x[row + c]) - V(mean)) * scale * V(weight[c]) + V(bias[c]);
    if (HAS_RESIDUAL) { v += V(residual[row + c]); }
    y[row + c] = Y(v);
  }
}

// dot with ones, written so that it holds for f32 and vec4<f32>.
fn total(v: V) -> f32 {
  let all = vec4f(v);
  return select(all.x, all.x + all.y + all.z + all.w, LANES == 4.0);
}
