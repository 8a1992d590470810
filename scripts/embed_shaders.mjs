// npm run embed-shaders: writes shaders/*.wgsl into a module, for bundles that have no disk to read them from.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const shaders = join(root, 'shaders');
const output = join(root, 'packages', 'tensor', 'src', 'shaders', 'embedded.ts');

// By length, so that kernels of a kind lie side by side, as in the packages: gzip looks for what it has seen in the last 32 kB
// only. For the site that is 1.8 kB less than by name.
const sources = listFiles(shaders)
  .filter((file) => file.endsWith('.wgsl'))
  .map((file) => ({
    name: file.slice(0, -'.wgsl'.length),
    source: readFileSync(join(shaders, file), 'utf8'),
  }))
  .sort((a, b) => a.source.length - b.source.length || (a.name < b.name ? -1 : 1));
const entries = sources.map(
  ({ name, source }) => `  ${JSON.stringify(name)}: ${JSON.stringify(source)},\n`,
);

const text = `// Written by scripts/embed_shaders.mjs from shaders/*.wgsl; changes belong there.
const sources: Readonly<Record<string, string>> = {
${entries.join('')}};

/** The text of shaders/NAME.wgsl, as it was when this file was written. In Node disk.ts takes this file's place. */
export function shaderSource(name: string): string {
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (source === undefined) throw new Error(\`shaderSource: there is no shaders/\${name}.wgsl\`);
  return source;
}
`;

// Several processes may do this at once, and others read the file meanwhile: it is replaced whole, and only if it differs.
if (readIfPresent(output) !== text) {
  mkdirSync(join(output, '..'), { recursive: true });
  const part = `${output}.${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, output);
}

function listFiles(folder) {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function readIfPresent(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
