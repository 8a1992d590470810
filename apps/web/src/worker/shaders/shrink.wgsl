// A part of a photo at another size, between its smaller copies.
struct Part {
  crop: vec4f,      // left, top, width, height in the photo, 0…1
  size: vec2f,      // of the result, in pixels
  level: f32,       // of the smaller copies
}

@group(0) @binding(0) var<uniform> part: Part;
@group(0) @binding(1) var photo: texture_2d<f32>;
@group(0) @binding(2) var linear: sampler;

@vertex
fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn colour(@builtin(position) at: vec4f) -> @location(0) vec4f {
  let uv = part.crop.xy + part.crop.zw * at.xy / part.size;
  return textureSampleLevel(photo, linear, uv, part.level);
}
