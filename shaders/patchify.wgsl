// Cuts pictures into patches of P × P pixels, each a row of its values in (y, x, channel) order: what a convolution with
// stride P sees. One value per thread.
alias X = f32;                              // storage of x
alias Y = f32;                              // of y

struct Params { B: u32, H: u32, W: u32, C: u32, P: u32 }

@group(0) @binding(0) var<storage, read> x: array<X>;             // [B, H, P, W, P, C]: H × W patches
@group(0) @binding(1) var<storage, read_write> y: array<Y>;       // [B, H, W, P, P, C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  let line = params.P * params.C;                // values in a line of a patch, neighbours in x as well
  let along = i % line;
  let down = i / line % params.P;
  let patch_column = i / (line * params.P) % params.W;
  let patch_row = i / (line * params.P * params.W);
  if (patch_row >= params.B * params.H) { return; }
  y[i] = Y(x[((patch_row * params.P + down) * params.W + patch_column) * line + along]);
}
