// Gathers every 2 × 2 cell of a grid of tokens into one token, one value (or four) per thread. The order of SwinV2:
// down first, (0, 0), (1, 0), (0, 1), (1, 1) as (row, column).
alias T = f32;                              // storage: f32, f16, vec4<f32> or vec4<f16>

struct Params { B: u32, H: u32, W: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<T>;             // [B, H, 2, W, 2, C]: H × W cells
@group(0) @binding(1) var<storage, read_write> y: array<T>;       // [B, H, W, 2, 2, C]: column, then row of the cell
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  let c = i % params.C;
  let row = i / params.C % 2u;
  let column = i / (params.C * 2u) % 2u;
  let cell = i / (params.C * 4u);
  let cell_row = cell / params.W;
  if (cell_row >= params.B * params.H) { return; }
  y[i] = x[(((cell_row * 2u + row) * params.W + cell % params.W) * 2u + column) * params.C + c];
}
