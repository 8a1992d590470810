import { execFileSync } from 'node:child_process';
import { dirname, join, relative } from 'node:path';
import type { Plugin } from 'vite';

const root = join(import.meta.dirname, '..', '..');
const here = (file: string): string => join(import.meta.dirname, file);

/** What test files import that a page has not, and what stands for it there. */
const standIns: readonly (readonly [RegExp, string])[] = [
  [/^node:path$/, here('path.ts')],
  [/^node:fs$/, here('fs.ts')],
  [/packages\/tensor\/src\/node\.ts$/, here('gpu.ts')],
  [/packages\/loaders\/src\/node\.ts$/, here('loaders_node.ts')],
];

/** The repository is what the server serves: /test/fixtures is a folder there, and `import.meta.dirname` a path on it. */
export function nodeInPages(): Plugin {
  return {
    name: 'node-in-pages',
    enforce: 'pre',
    // Pages have no disk to read shaders from.
    buildStart() {
      execFileSync(process.execPath, [join(root, 'scripts', 'embed_shaders.mjs')]);
    },
    resolveId(source) {
      return standIns.find(([name]) => name.test(source))?.[1];
    },
    transform(code, id) {
      const file = id.split('?')[0]!;
      if (!file.startsWith(join(root, 'test'))) return;
      const folder = `/${relative(root, dirname(file))}`;
      return code
        .replaceAll('import.meta.dirname', JSON.stringify(folder))
        .replaceAll('process.env.', '({}).');
    },
  };
}
