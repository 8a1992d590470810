// y[b, h·k + ky, w·k + kx, o] = x[b, h, w, (ky, kx, o)] + bias[o]: spreads the k × k results of every pixel over the map.
// After a linear map it completes a transposed convolution whose stride is its kernel. One value (or four) per thread.
alias X = f32;                              // storage of x:      f32, f16, vec4<f32> or vec4<f16>
alias W = f32;                              // of bias:           likewise
alias Y = f32;                              // of y:              likewise
alias V = f32;                              // arithmetic:        f32 or vec4<f32>
override HAS_BIAS: bool = false;

// O counts values of the alias types: four channels each where they are vectors.
struct Params { B: u32, H: u32, W: u32, k: u32, O: u32 }

@group(0) @binding(0) var<storage, read> x: array<X>;             // [B, H, W, k, k, O]
@group(0) @binding(1) var<storage, read> bias: array<W>;          // [O]
@group(0) @binding(2) var<storage, read_write> y: array<Y>;       // [B, H, k, W, k, O]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  let k = params.k;
  let o = i % params.O;
  let kx = i / params.O % k;
  let column = i / (params.O * k) % params.W;
  let line = i / (params.O * k * params.W);      // of y, over all pictures
  if (line >= params.B * params.H * k) { return; }
  let pixel = line / k * params.W + column;
  var v = V(x[((pixel * k + line % k) * k + kx) * params.O + o]);
  if (HAS_BIAS) { v += V(bias[o]); }
  y[i] = Y(v);
}
