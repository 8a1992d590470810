// Smallest and largest finite value, and how many there are. 0, 0, 0 where none is finite.
// Each workgroup reduces 16384 values to one such triple; the triples are reduced by the same shader (COMBINE) until one is
// left. WGSL lets a compiler assume that there is no NaN, so `v != v` proves nothing: the exponent's bits are looked at.
alias T = f32;                              // storage of x: f32 or f16
override COMBINE: bool = false;             // x holds triples

struct Params { size: u32 }                 // values, or triples

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [size], or [size, 3]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;           // [workgroups, 3]: min, max, count
@group(0) @binding(2) var<uniform> params: Params;

const highest = 3.4028234e38;
// Workgroups of 256 take six times as long to compile on SwiftShader.
const threads = 64u;
const per_thread = 256u;
var<workgroup> triples: array<vec3f, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * 32768u;
  var all = vec3f(highest, -highest, 0.0);
  for (var n = 0u; n < per_thread; n++) {
    let i = (index * per_thread + n) * threads + lane;
    if (i < params.size) { all = merge(all, load(i)); }
  }
  triples[lane] = all;
  for (var half = threads / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { triples[lane] = merge(triples[lane], triples[lane + half]); }
  }
  if (lane > 0u || index * per_thread * threads >= max(params.size, 1u)) { return; }
  all = triples[0];
  if (all.z == 0.0) { all = vec3f(); }
  y[index * 3u] = all.x;
  y[index * 3u + 1u] = all.y;
  y[index * 3u + 2u] = all.z;
}

fn merge(a: vec3f, b: vec3f) -> vec3f { return vec3f(min(a.x, b.x), max(a.y, b.y), a.z + b.z); }

fn load(i: u32) -> vec3f {
  if (COMBINE) {
    let triple = vec3f(f32(x[i * 3u]), f32(x[i * 3u + 1u]), f32(x[i * 3u + 2u]));
    return select(triple, vec3f(highest, -highest, 0.0), triple.z == 0.0);
  }
  let v = f32(x[i]);
  let is_finite = (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
  return select(vec3f(highest, -highest, 0.0), vec3f(v, v, 1.0), is_finite);
}
