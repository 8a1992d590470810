// One pane of a view: a photo, or a picture of the pipeline, drawn into a rectangle of the canvas.
// 0 photo, 1 picture, 2 photo where the mask is, over a chequerboard, 3 the picture's own pixels. A pipeline for each: one for
// all takes SwiftShader twice as long to compile, and three times as long to draw.
override CONTENT: u32 = 0;

struct Pane {
  rect: vec4f,      // left, top, width, height of the picture in canvas pixels
  clip: vec4f,      // left, top, right, bottom: nothing is drawn outside
  crop: vec4f,      // left, top, right, bottom in the photo, 0…1
  canvas: vec2f,    // pixels of the canvas
  size: vec2f,      // columns and rows of `picture`
  radius: f32,      // of the corners, in canvas pixels
  level: f32,       // of the photo's smaller copies
  chequer: f32,     // side of a field of the chequerboard, in canvas pixels
}

@group(0) @binding(0) var<uniform> pane: Pane;
@group(0) @binding(1) var photo: texture_2d<f32>;
@group(0) @binding(2) var linear: sampler;
@group(0) @binding(3) var<storage, read> picture: array<u32>; // [H, W], bytes R G B A; or a mask, 0…255

@vertex
fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  let low = max(pane.rect.xy, pane.clip.xy);
  let high = max(low, min(pane.rect.xy + pane.rect.zw, pane.clip.zw));
  let at = mix(low, high, vec2f(f32(i & 1u), f32(i >> 1u)));
  return vec4f(at / pane.canvas * vec2f(2, -2) + vec2f(-1, 1), 0, 1);
}

struct Four { at: array<u32, 4>, share: vec2f }

// The four values around a place and where between them it lies, as bilinear resizing has it.
fn around(uv: vec2f) -> Four {
  let place = clamp(uv * pane.size - 0.5, vec2f(0), pane.size - 1);
  let low = vec2u(place);
  let high = min(low + 1u, vec2u(pane.size) - 1u);
  let W = u32(pane.size.x);
  var four: Four;
  four.at = array(low.y * W + low.x, low.y * W + high.x, high.y * W + low.x, high.y * W + high.x);
  four.share = place - vec2f(low);
  return four;
}

fn picture_at(uv: vec2f) -> vec4f {
  let four = around(uv);
  let top = mix(unpack4x8unorm(picture[four.at[0]]), unpack4x8unorm(picture[four.at[1]]), four.share.x);
  let bottom = mix(unpack4x8unorm(picture[four.at[2]]), unpack4x8unorm(picture[four.at[3]]), four.share.x);
  return mix(top, bottom, four.share.y);
}

fn mask_at(uv: vec2f) -> f32 {
  let four = around(uv);
  let top = mix(f32(picture[four.at[0]]), f32(picture[four.at[1]]), four.share.x);
  let bottom = mix(f32(picture[four.at[2]]), f32(picture[four.at[3]]), four.share.x);
  return mix(top, bottom, four.share.y) / 255.0;
}

fn photo_at(uv: vec2f) -> vec4f {
  return textureSampleLevel(photo, linear, mix(pane.crop.xy, pane.crop.zw, uv), pane.level);
}

@fragment
fn colour(@builtin(position) position: vec4f) -> @location(0) vec4f {
  let at = position.xy;
  let uv = (at - pane.rect.xy) / pane.rect.zw;
  var shown: vec3f;
  if (CONTENT == 0u) {
    shown = photo_at(uv).rgb;
  } else if (CONTENT == 1u) {
    shown = picture_at(uv).rgb;
  } else if (CONTENT == 3u) {
    let pixel = vec2u(clamp(uv * pane.size, vec2f(0), pane.size - 1));
    shown = unpack4x8unorm(picture[pixel.y * u32(pane.size.x) + pixel.x]).rgb;
  } else {
    let field = vec2u(at / pane.chequer);
    let ground = select(vec3f(0.80), vec3f(0.93), ((field.x + field.y) & 1u) == 0u);
    shown = mix(ground, photo_at(uv).rgb, mask_at(uv));
  }
  // Rounded corners: how far outside of a rounded rectangle the middle of this pixel lies.
  let half = pane.rect.zw / 2;
  let beyond = abs(at - pane.rect.xy - half) - half + pane.radius;
  let outside = length(max(beyond, vec2f(0))) + min(max(beyond.x, beyond.y), 0.0) - pane.radius;
  let inside = clamp(0.5 - outside, 0.0, 1.0);
  return vec4f(shown * inside, inside);
}
