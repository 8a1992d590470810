// A depth map as a relief: every vertex reads its nearness from the map and the picture colours it. Nothing is stored
// between frames, so a new map, or another setting, costs no more than drawing.
struct View {
  matrix: mat4x4f,
  crop: vec4f,      // left, top, right, bottom of the map in the picture, 0…1
  grid: vec2u,      // vertices across and down
  map: vec2u,       // columns and rows of `nearness`
  mask: vec2u,      // columns and rows of `mask`
  canvas: vec2f,    // pixels
  sides: vec2f,     // half the picture's sides at depth 1
  nearest: f32,
  farthest: f32,
  cut: f32,         // triangles with this ratio of depths, or more, are left out; 0: none
  threshold: f32,   // of the mask, 0…1
  jitter: f32,      // 0…1
  point: f32,       // pixels
  seed: u32,
  flags: u32,       // see below
}
const METRIC = 1u;
const SHOW_DEPTH = 2u;
const MASK_IS_PICTURE = 4u;
const RAYS = 8u;

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var<storage, read> nearness: array<f32>; // [H, W], 1 the nearest
@group(0) @binding(2) var<storage, read> mask: array<u32>;     // [H, W], 0…255, or R G B A
@group(0) @binding(3) var<storage, read> colours: array<u32>;  // [256], R G B A
@group(0) @binding(4) var picture: texture_2d<f32>;
@group(0) @binding(5) var linear: sampler;

struct Corner { uv: vec2f, near: f32, depth: f32 }
struct Drawn { @builtin(position) at: vec4f, @location(0) uv: vec2f, @location(1) near: f32 }

fn hash(x: u32) -> u32 {
  let state = x * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

// Up to 0.45 of a cell each way, so that no triangle turns over.
fn shift(v: vec2u) -> vec2f {
  let x = hash(v.x ^ hash(v.y ^ hash(view.seed)));
  return (vec2f(f32(x & 0xffffu), f32(x >> 16u)) / 65535.0 - 0.5) * 0.9 * view.jitter;
}

fn near_at(uv: vec2f) -> f32 {
  let place = uv * vec2f(view.map - 1u);
  let low = vec2u(place);
  let high = min(low + 1u, view.map - 1u);
  let share = place - vec2f(low);
  let W = view.map.x;
  let top = mix(nearness[low.y * W + low.x], nearness[low.y * W + high.x], share.x);
  let bottom = mix(nearness[high.y * W + low.x], nearness[high.y * W + high.x], share.x);
  return clamp(mix(top, bottom, share.y), 0.0, 1.0);
}

fn corner(v: vec2u) -> Corner {
  let last = view.grid - 1u;
  var at = vec2f(v);
  if (all(v > vec2u(0)) && all(v < last)) { at += shift(v); }
  var made: Corner;
  made.uv = at / vec2f(last);
  made.near = near_at(made.uv);
  if ((view.flags & METRIC) != 0u) {
    made.depth = mix(view.farthest, view.nearest, made.near);
  } else {
    made.depth = 1.0 / mix(1.0 / view.farthest, 1.0 / view.nearest, made.near);
  }
  return made;
}

fn drawn(c: Corner) -> Drawn {
  let across = (c.uv * vec2f(2, -2) + vec2f(-1, 1)) * view.sides;
  let ray = vec3f(across, -1);
  let depth = c.depth / select(1.0, length(ray), (view.flags & RAYS) != 0u);
  return Drawn(view.matrix * vec4f(ray * depth, 1), c.uv, c.near);
}

const NOWHERE = Drawn(vec4f(2, 2, 2, 1), vec2f(0), 0);

fn is_cut(low: f32, high: f32) -> bool { return view.cut > 0.0 && high / low >= view.cut; }

// Six vertices per cell: top left, bottom left, bottom right; top left, bottom right, top right.
@vertex
fn triangles(@builtin(vertex_index) i: u32) -> Drawn {
  let cell = i / 6u;
  let across = view.grid.x - 1u;
  let first = vec2u(cell % across, cell / across);
  let upper = i % 6u >= 3u;
  let own = i % 3u;
  let offsets = array(vec2u(0, 0), vec2u(0, 1), vec2u(1, 1), vec2u(1, 0));
  let at = select(own, own + select(0u, 1u, own > 0u), upper);
  if (view.cut == 0.0) { return drawn(corner(first + offsets[at])); }
  let a = corner(first);
  let b = corner(first + vec2u(1, 1));
  let c = corner(first + offsets[select(1u, 3u, upper)]);
  if (is_cut(min(a.depth, min(b.depth, c.depth)), max(a.depth, max(b.depth, c.depth)))) { return NOWHERE; }
  if (at == 0u) { return drawn(a); }
  if (at == 2u) { return drawn(b); }
  return drawn(c);
}

// Six vertices per vertex of the grid: to the right, downwards, across the cell. Those of the border lead nowhere.
@vertex
fn lines(@builtin(vertex_index) i: u32) -> Drawn {
  let first = vec2u((i / 6u) % view.grid.x, (i / 6u) / view.grid.x);
  let offsets = array(vec2u(1, 0), vec2u(0, 1), vec2u(1, 1));
  let from_here = corner(first);
  let other = corner(min(first + offsets[(i % 6u) / 2u], view.grid - 1u));
  if (is_cut(min(from_here.depth, other.depth), max(from_here.depth, other.depth))) { return NOWHERE; }
  if (i % 2u == 0u) { return drawn(from_here); }
  return drawn(other);
}

// Two triangles per vertex of the grid, of as many pixels as told.
@vertex
fn points(@builtin(vertex_index) i: u32) -> Drawn {
  let v = i / 6u;
  let corners = array(vec2f(-1, -1), vec2f(1, -1), vec2f(-1, 1), vec2f(-1, 1), vec2f(1, -1), vec2f(1, 1));
  var made = drawn(corner(vec2u(v % view.grid.x, v / view.grid.x)));
  made.at += vec4f(corners[i % 6u] * view.point / view.canvas * made.at.w, 0, 0);
  return made;
}

fn mask_at(uv: vec2f) -> f32 {
  let at = min(vec2u(uv * vec2f(view.mask)), view.mask - 1u);
  let value = mask[at.y * view.mask.x + at.x];
  if ((view.flags & MASK_IS_PICTURE) != 0u) {
    return dot(unpack4x8unorm(value).rgb, vec3f(0.299, 0.587, 0.114));
  }
  return f32(value) / 255.0;
}

@fragment
fn colour(in: Drawn) -> @location(0) vec4f {
  let photo = textureSample(picture, linear, mix(view.crop.xy, view.crop.zw, in.uv)).rgb;
  if (view.threshold > 0.0 && mask_at(in.uv) < view.threshold) { discard; }
  if ((view.flags & SHOW_DEPTH) != 0u) {
    return vec4f(unpack4x8unorm(colours[u32(round(in.near * 255.0))]).rgb, 1);
  }
  return vec4f(photo, 1);
}

struct Line { @builtin(position) at: vec4f, @location(0) colour: vec4f }

@vertex
fn line(@location(0) at: vec3f, @location(1) shade: vec4f) -> Line {
  return Line(view.matrix * vec4f(at, 1), shade);
}

@fragment
fn line_colour(in: Line) -> @location(0) vec4f {
  return vec4f(in.colour.rgb * in.colour.a, in.colour.a);
}
