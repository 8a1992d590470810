// How many of the kept pixels, lo ≤ z ≤ hi, have each of the 256 levels. Each workgroup stores its own counts.
struct Settings {                           // depthSettings() packs them
  low_percentile: f32, high_percentile: f32, plane: f32, lo: f32, hi: f32, gamma: f32, reverse: f32, invert_mask: f32,
}
struct Params { size: u32, groups: u32 }

@group(0) @binding(0) var<storage, read> levels: array<u32>;            // [size], 0 ‥ 255
@group(0) @binding(1) var<storage, read> z: array<f32>;                 // [size]
@group(0) @binding(2) var<storage, read> settings: Settings;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;      // [groups, 256]
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> bins: array<atomic<u32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * 32768u;
  for (var i = index * 256u + lane; i < params.size; i += params.groups * 256u) {
    if (z[i] >= settings.lo && z[i] <= settings.hi) { atomicAdd(&bins[levels[i] & 255u], 1u); }
  }
  workgroupBarrier();
  if (index < params.groups) { counts[index * 256u + lane] = atomicLoad(&bins[lane]); }
}
