// y = activation(a ∘ b), element by element, with b spread over a as NumPy broadcasts.
// One result (or four channels) per thread.
alias A = f32;                              // storage of a:    f32, f16, vec4<f32> or vec4<f16>
alias B = f32;                              // of b:            likewise
alias Y = f32;                              // of y:            likewise
alias V = f32;                              // arithmetic:      f32 or vec4<f32>
override OPERATION: u32 = 0;                // 0 a alone, 1 add, 2 subtract, 3 multiply, 4 divide, 5 maximum, 6 minimum
override ACTIVATION: u32 = 0;               // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid

// a has the shape [s0, s1, s2, s3]; along axis i a step in a is a step of t_i in b, 0 where b is spread.
struct Params { size: u32, s1: u32, s2: u32, s3: u32, t0: u32, t1: u32, t2: u32, t3: u32 }

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read_write> y: array<Y>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  var v = V(a[i]);
  if (OPERATION != 0u) {
    let i3 = i % params.s3;
    let i2 = i / params.s3 % params.s2;
    let i1 = i / (params.s3 * params.s2) % params.s1;
    let i0 = i / (params.s3 * params.s2 * params.s1);
    v = operate(v, V(b[i0 * params.t0 + i1 * params.t1 + i2 * params.t2 + i3 * params.t3]));
  }
  y[i] = Y(activate(v));
}

fn operate(l: V, r: V) -> V {
  switch (OPERATION) {
    case 1u: { return l + r; }
    case 2u: { return l - r; }
    case 3u: { return l * r; }
    case 4u: { return l / r; }
    case 5u: { return max(l, r); }
    default: { return min(l, r); }
  }
}

fn activate(v: V) -> V {
  switch (ACTIVATION) {
    case 1u: { return max(v, V()); }
    case 2u: { return 0.5 * v * (V(1.0) + erf(v * 0.70710678)); }
    case 3u: { return v / (V(1.0) + exp(-v)); }
    case 4u: { return V(1.0) / (V(1.0) + exp(-v)); }
    default: { return v; }
  }
}

// Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
fn erf(v: V) -> V {
  let a = abs(v);
  let t = V(1.0) / (V(1.0) + 0.3275911 * a);
  let p = t * (V(0.254829592) + t * (V(-0.284496736) + t * (V(1.421413741) + t * (V(-1.453152027) + t * 1.061405429))));
  return sign(v) * (V(1.0) - p * exp(-a * a));
}
