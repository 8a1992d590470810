// npm run web:build: the site in apps/web/dist, with the sizes that travel. Fails when the code has grown past its limits.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { checkNode, installDependencies, root } from './install.mjs';

/** Bytes after gzip. The library is tensor and dpt, what other pages would take; the site is all code and styles, without weights and photos. */
const limits = { library: 80_000, site: 400_000 };

checkNode();
installDependencies();
const web = join(root, 'apps', 'web');
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', ...process.argv.slice(2)],
  { cwd: web, stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);

const dist = join(web, 'dist');
const code = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(js|css|html|svg)$/.test(file))
  .map((file) => ({ file, bytes: gzipSync(readFileSync(join(dist, file))).length }))
  .sort((a, b) => b.bytes - a.bytes);
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
for (const { file, bytes } of code) {
  console.log(`${kB(bytes).padStart(9)}  ${relative(root, join(dist, file))}`);
}

const sum = (files) => files.reduce((total, { bytes }) => total + bytes, 0);
// The worker and the page are bundled apart, so there may be two chunks of it; the larger is the library.
const library = Math.max(
  0,
  ...code.filter(({ file }) => /library-[^/]*\.js$/.test(file)).map(({ bytes }) => bytes),
);
const totals = [
  { what: 'the library', bytes: library, limit: limits.library },
  { what: 'the whole site', bytes: sum(code), limit: limits.site },
];
for (const { what, bytes, limit } of totals) {
  console.log(`gzip: ${what} ${kB(bytes)} of ${kB(limit)} allowed`);
}
if (library === 0) console.error('web:build: no chunk of the library was found.');
const over = totals.filter(({ bytes, limit }) => bytes > limit);
for (const { what, bytes, limit } of over) {
  console.error(`web:build: ${what} is ${kB(bytes)} after gzip; ${kB(limit)} is the limit.`);
}
process.exit(over.length > 0 || library === 0 ? 1 : 0);
