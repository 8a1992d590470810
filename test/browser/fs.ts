// node:fs for test files in a page: the fixtures, as the server has them.
const files = Object.keys(import.meta.glob(['/test/fixtures/**/*', '/models/*']));

export function existsSync(path: string): boolean {
  return files.some((file) => file === path || file.startsWith(`${path}/`));
}

export function readdirSync(path: string): string[] {
  const inside = files.filter((file) => file.startsWith(`${path}/`));
  return [...new Set(inside.map((file) => file.slice(path.length + 1).split('/')[0]!))].sort();
}

export function readFileSync(path: string): never {
  throw new Error(`${path}: nothing is read at once in a page.`);
}
