// A part of a texture as pixels: one u32 each, red in the lowest byte, then green, blue and alpha. Exact for textures of
// 8 bits. One thread per pixel.
struct Params { x: u32, y: u32, w: u32, h: u32 }                        // the part

@group(0) @binding(0) var<storage, read_write> pixels: array<u32>;      // [h, w]
@group(0) @binding(1) var picture: texture_2d<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.h * params.w) { return; }
  let at = vec2u(params.x + index % params.w, params.y + index / params.w);
  pixels[index] = pack4x8unorm(textureLoad(picture, at, 0));
}
