// npm run test:onnx — models written by `dpt export-onnx`, run by onnxruntime on the CPU. Its package (290 MB on disk) is
// installed beside these tests alone.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = `${root}test/onnx`;

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, {
    cwd,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(`${folder}/node_modules/onnxruntime-node`)) {
  run('npm', ['ci', '--no-audit', '--no-fund'], folder);
}
run(
  'npx',
  ['vitest', 'run', '--config', 'test/onnx/vitest.config.ts', ...process.argv.slice(2)],
  root,
);
