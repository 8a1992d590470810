// A film's maps, each pixel smoothed over time as far as the picture stands still there: what is still does not flicker,
// and what moves leaves no ghost.
//   motion = mean of |luma − luma of the frame before| over 3 × 3 pixels
//   w = α + (1 − α) · smoothstep(still, moving, motion)
//   first frame, or a cut:  y = x           otherwise:  y = before + w · (x − before)
// `before` and `lumas` are kept from frame to frame and are rewritten here.
struct Params { H: u32, W: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;                 // [H, W], 0 ‥ 1
@group(0) @binding(1) var<storage, read> picture: array<f32>;           // [H, W, 3], 0 ‥ 1
@group(0) @binding(2) var<storage, read> pace: array<f32>;              // _, _, α
@group(0) @binding(3) var<storage, read> state: array<f32>;             // of range_over_time: 1 at a cut in [4], 0 and 1 by turns in [5]
@group(0) @binding(4) var<storage, read_write> before: array<f32>;      // [H, W], below 0 where there is none yet
@group(0) @binding(5) var<storage, read_write> lumas: array<f32>;       // [2, H, W], of this frame and the one before, by turns
@group(0) @binding(6) var<storage, read_write> y: array<f32>;           // [H, W]
@group(0) @binding(7) var<uniform> params: Params;

// Noise of a camera, in a picture as small as a map, is below the first. With 0.03 and 0.1 ghosts were ten times as strong on
// the films that bench/flicker.ts was tried on, and flicker the same.
const still = 0.01;
const moving = 0.04;

fn luma(at: u32) -> f32 {
  return dot(vec3f(picture[3u * at], picture[3u * at + 1u], picture[3u * at + 2u]), vec3f(0.299, 0.587, 0.114));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let size = params.H * params.W;
  if (index >= size) { return; }
  let now = select(0u, size, state[5] > 0.5);
  let then = size - now;
  lumas[now + index] = luma(index);

  var motion = 0.0;
  for (var i = 0; i < 9; i++) {
    let row = clamp(i32(index / params.W) + i / 3 - 1, 0, i32(params.H) - 1);
    let column = clamp(i32(index % params.W) + i % 3 - 1, 0, i32(params.W) - 1);
    let at = u32(row) * params.W + u32(column);
    motion += abs(luma(at) - lumas[then + at]) / 9.0;
  }
  let w = mix(pace[2], 1.0, smoothstep(still, moving, motion));
  let is_first = state[4] > 0.5 || before[index] < 0.0;
  y[index] = select(before[index] + w * (x[index] - before[index]), x[index], is_first);
  before[index] = y[index];
}
