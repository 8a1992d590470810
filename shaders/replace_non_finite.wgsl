// NaN and infinities become an end of the range of the other values: range[0] or range[1].
// WGSL lets a compiler assume that there is no NaN, so `v != v` proves nothing: the exponent's bits are looked at.
alias T = f32;                              // storage of x: f32 or f16
override LARGEST: bool = false;             // take range[1] in place of range[0]

struct Params { size: u32 }

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [size]
@group(0) @binding(1) var<storage, read> range: array<f32>;             // smallest and largest finite value
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [size]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let v = f32(x[i]);
  let is_finite = (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
  y[i] = select(range[select(0u, 1u, LARGEST)], v, is_finite);
}
