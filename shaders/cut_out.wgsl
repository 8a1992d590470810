// A picture with its mask as alpha; where the mask is 0, the colour is 0 as well.
struct Params { size: u32 }

@group(0) @binding(0) var<storage, read> pixels: array<u32>;            // [size], red in the lowest byte
@group(0) @binding(1) var<storage, read> mask: array<u32>;              // [size], 0 ‥ 255
@group(0) @binding(2) var<storage, read_write> y: array<u32>;           // [size]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let alpha = min(mask[i], 255u);
  y[i] = select((pixels[i] & 0xffffffu) | (alpha << 24u), 0u, alpha == 0u);
}
