// npm test [-- vitest arguments]; with --f16 on Mesa's lavapipe, a CPU driver that has shader-f16: where no files are named, those
// that test f16, which `npm test` has run in f32.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkNode, installDependencies, root, runNode } from './install.mjs';

/** What this process ends with when lavapipe cannot be had here, as against tests that fail. */
const unavailable = 3;

checkNode();
const f16 = process.argv.includes('--f16');
const args = process.argv.slice(2).filter((argument) => argument !== '--f16');
if (f16 && args.length === 0) args.push(...filesOfF16());
installDependencies();
runNode([join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args], {
  cwd: root,
  env: f16 ? { ...process.env, ...lavapipe() } : process.env,
});

function filesOfF16() {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('test', file))
    .filter((file) => /dtypesOf|capabilities\.f16/.test(readFileSync(join(root, file), 'utf8')));
}

function lavapipe() {
  const script = join(root, 'scripts', 'lavapipe.sh');
  const got = spawnSync('bash', [script], { stdio: ['ignore', 2, 2] });
  if (got.status !== 0) {
    if (got.error) console.error(`lavapipe: bash does not start: ${got.error.message}`);
    console.error(
      'The f16 tests need a driver with shader-f16. On a machine whose GPU has it, plain `npm test` runs them.',
    );
    process.exit(unavailable);
  }
  const names = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'LD_LIBRARY_PATH', 'XDG_RUNTIME_DIR'];
  const source = `. "$1"; printf '%s\\n' ${names.map((name) => `"$${name}"`).join(' ')}`;
  const env = join(root, '.cache', 'lavapipe', 'env.sh');
  const { stdout } = spawnSync('bash', ['-c', source, 'bash', env], { encoding: 'utf8' });
  const values = stdout.split('\n');
  return {
    ...Object.fromEntries(names.map((name, index) => [name, values[index]])),
    // Narrow vectors compile 3.5 times faster, and in tests lavapipe mostly compiles (linear: 14 s → 4 s a case, cold).
    LP_NATIVE_VECTOR_WIDTH: '128',
    DPT_REQUIRED_FEATURES: 'shader-f16', // so that the f16 tests cannot be skipped unnoticed, and f32 is not tested again
  };
}
