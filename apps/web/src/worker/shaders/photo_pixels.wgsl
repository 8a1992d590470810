// A part of a texture as the network takes pictures: one u32 per pixel, red in the lowest byte. Exact for textures of 8 bits.
struct Params { x: u32, y: u32, w: u32, h: u32 }

@group(0) @binding(0) var photo: texture_2d<f32>;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>; // [h, w]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.w || id.y >= params.h) { return; }
  let colour = textureLoad(photo, vec2u(params.x, params.y) + id.xy, 0);
  pixels[id.y * params.w + id.x] = pack4x8unorm(colour);
}
