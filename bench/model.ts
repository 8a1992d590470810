// A whole model: time of a run, GPU time per box of figure 1 and per op, JavaScript per replay, bytes of buffers. The
// command `dpt bench`, with the names that its flags have here:
//
//   npm run bench:model -- [-m MODEL] [--size N] [--runs N] [--dtype f32|f16] [--profile] [--describe]
import { run } from '@dpt-webgpu/cli/main';

const names: Readonly<Record<string, string>> = {
  '--size': '--sizes',
  '--dtype': '--dtypes',
  '--profile': '--ops',
};
const words = process.argv.slice(2).map((word) => {
  const [flag = '', ...value] = word.split('=');
  return [Object.hasOwn(names, flag) ? names[flag]! : flag, ...value].join('=');
});
await run(['bench', ...words]);
