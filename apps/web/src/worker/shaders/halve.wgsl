// One level of a texture's smaller copies: each pixel is the mean of four.
@group(0) @binding(0) var larger: texture_2d<f32>;

@vertex
fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn mean(@builtin(position) at: vec4f) -> @location(0) vec4f {
  let most = textureDimensions(larger) - 1u;
  let first = vec2u(at.xy) * 2u;
  let last = min(first + 1u, most);
  return 0.25 * (textureLoad(larger, first, 0)
    + textureLoad(larger, vec2u(last.x, first.y), 0)
    + textureLoad(larger, vec2u(first.x, last.y), 0)
    + textureLoad(larger, last, 0));
}
