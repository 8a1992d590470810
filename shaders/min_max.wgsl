// Smallest and largest finite value, and how many there are. 0, 0, 0 where none is finite.
// Each thread reduces 128 values to one such triple; the triples are reduced by the same shader (COMBINE) until one is left.
// No barriers: SwiftShader takes four times as long to compile with one. WGSL lets a compiler assume that there is no NaN, so `v != v` proves nothing: the exponent's bits are looked at.
alias T = f32;                              // storage of x: f32 or f16
override COMBINE: bool = false;             // x holds triples

struct Params { size: u32, threads: u32 }   // values, or triples; triples that are written

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [size], or [size, 3]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;           // [threads, 3]: min, max, count
@group(0) @binding(2) var<uniform> params: Params;

const highest = 3.4028234e38;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * 32768u) * 64u + lane;
  if (thread >= params.threads) { return; }
  var all = vec3f(highest, -highest, 0.0);
  // Neighbouring threads read neighbouring values.
  for (var i = thread; i < params.size; i += params.threads) { all = merge(all, load(i)); }
  if (all.z == 0.0) { all = vec3f(); }
  y[thread * 3u] = all.x;
  y[thread * 3u + 1u] = all.y;
  y[thread * 3u + 2u] = all.z;
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
