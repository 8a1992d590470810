// How many values fall into each of 64 equal parts of 0…1. One workgroup per row of `counts`: each takes every value whose
// index is its own modulo the number of workgroups, counts in its own memory, and writes a row.
const BINS = 64u;

struct Params { size: u32, groups: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>; // [groups, 64]
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> bins: array<atomic<u32>, BINS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var i = group.x * 64u + lane; i < params.size; i += params.groups * 64u) {
    let bin = min(u32(clamp(x[i], 0.0, 1.0) * f32(BINS)), BINS - 1u);
    atomicAdd(&bins[bin], 1u);
  }
  workgroupBarrier();
  counts[group.x * BINS + lane] = atomicLoad(&bins[lane]);
}
