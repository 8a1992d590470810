// Flicker of a film's depth: the mean absolute change of the normalised map from frame to frame, cuts left out, with the
// range smoothed over time and without. A still scene should change little; what a smooth range adds is not seen.
//
//   npm run bench:flicker -- FILM [-m MODEL] [--size N] [--frames A:B] [--smooth SECONDS]
//
// Exit code 1 when smoothing does not help.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '@dpt-webgpu/cli/main';
import { rangeOf } from '@dpt-webgpu/dpt';
import { decodeNpy } from '@dpt-webgpu/loaders';

const argv = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'dpt-flicker-'));
try {
  const smoothed = ['--frames-out', folder, '--format', 'npy', '--quiet'];
  const code = await main(['video', ...argv, ...smoothed], {
    out: console.log,
    error: console.error,
    progress: { report() {}, show() {}, clear() {} },
    signal: new AbortController().signal,
    env: process.env,
  });
  if (code !== 0) process.exit(code);

  const csv = await readFile(join(folder, 'frames.csv'), 'utf8');
  const ranges = csv
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number).slice(2) as [lo: number, hi: number]);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.npy')).sort();
  const sums = { smooth: 0, plain: 0 };
  let [changes, cuts] = [0, 0];
  let before: { smooth: Float32Array; plain: Float32Array } | undefined;
  for (const [i, name] of names.entries()) {
    const map = decodeNpy(await readFile(join(folder, name))).data as Float32Array;
    const { min, max } = rangeOf(map);
    const now = { smooth: normalised(map, ranges[i]!), plain: normalised(map, [min, max]) };
    if (before) {
      const plain = meanChange(before.plain, now.plain);
      // A picture that has nothing in common with the one before.
      if (plain > 0.15) cuts++;
      else {
        sums.plain += plain;
        sums.smooth += meanChange(before.smooth, now.smooth);
        changes++;
      }
    }
    before = now;
  }
  const [plain, smooth] = [sums.plain / changes, sums.smooth / changes];
  console.log(`${names.length} frames, ${cuts} cuts; mean |change| of the map in 0…1 from frame to frame
without smoothing  ${plain.toFixed(5)}
with smoothing     ${smooth.toFixed(5)}  (${((100 * smooth) / plain).toFixed(1)} %)`);
  if (!(smooth < plain)) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}

function normalised(map: Float32Array, [lo, hi]: readonly [number, number]): Float32Array {
  const scale = hi > lo ? 1 / (hi - lo) : 0;
  return map.map((value) => Math.min(Math.max((value - lo) * scale, 0), 1));
}

function meanChange(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(b[i]! - a[i]!);
  return sum / a.length;
}
