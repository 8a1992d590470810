// A release as .changeset/README.md tells it, whole, in a copy of the repository and against a registry on 127.0.0.1: versions
// move together, changelogs are written, a release that broke off goes on, and a stranger installs from the registry. Not
// here: npm's own registry and its login.
import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Registry, startRegistry } from '../support/registry.ts';

const root = join(import.meta.dirname, '../..');
const names = ['tensor', 'dpt', 'loaders', 'cli'];
const scratch = mkdtempSync(join(tmpdir(), 'dpt-release-'));
const copy = join(scratch, 'repository');
const userconfig = join(scratch, 'npmrc');
let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
  const { address } = registry;
  writeFileSync(
    userconfig,
    `@dpt-webgpu:registry=${address}\n${address.slice('http:'.length)}:_authToken=anything\n`,
  );
  copyRepository();
});
afterAll(async () => {
  await registry.close();
  rmSync(scratch, { recursive: true, force: true });
});

test('versions, changelogs, a registry that refuses one package, the rest, a project that installs them', {
  timeout: 900_000,
}, async () => {
  const before = versionsOf();
  await node(['node_modules/@changesets/cli/bin.js', 'version']);
  const after = versionsOf();
  const [version] = after;
  expect(new Set(after)).toEqual(new Set([version]));
  expect(version).not.toBe(before[0]);
  expect(readdirSync(join(copy, '.changeset')).sort()).toEqual(['README.md', 'config.json']);
  for (const name of names) {
    const changelog = readFileSync(join(copy, 'packages', name, 'CHANGELOG.md'), 'utf8');
    expect(changelog).toContain(`## ${version}`);
    expect(manifestOf(name).dependencies?.['@dpt-webgpu/tensor'] ?? version).toBe(version);
  }

  // Each stands behind those that it depends on. The third one is refused, and the fourth not tried.
  registry.refused = '@dpt-webgpu/loaders';
  await expect(release()).rejects.toThrow();
  const all = names.map((name) => `@dpt-webgpu/${name}@${version}`);
  expect(registry.published).toEqual(all.slice(0, 2));
  expect(tags()).toEqual(all.slice(0, 2).sort());

  registry.refused = undefined;
  const { stdout } = await release();
  expect(stdout.match(/^.* is published already$/gm)).toEqual(
    all.slice(0, 2).map((name) => `${name} is published already`),
  );
  expect(registry.published).toEqual(all);
  expect(tags()).toEqual([...all].sort());

  const project = join(scratch, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const options = ['--omit=optional', '--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...options, '@dpt-webgpu/cli', '@dpt-webgpu/dpt'], project);
  const installed = join(project, 'node_modules', '@dpt-webgpu');
  expect(readdirSync(installed).sort()).toEqual([...names].sort());
  expect(readFileSync(join(installed, 'tensor', 'CHANGELOG.md'), 'utf8')).toContain(version);
  const printed = await run(join(project, 'node_modules', '.bin', 'dpt'), ['--version'], project);
  expect(printed.stdout.trim()).toBe(version);
});

/** What a release reads, with the packages of node_modules, but those of this repository from the copy. */
function copyRepository(): void {
  const wanted =
    /^(package(-lock)?\.json|tsconfig\.json|LICENSE|NOTICE|\.gitignore|(\.changeset|packages|scripts|shaders|models)\/.*)$/;
  const listed = git(['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root);
  for (const file of listed.split('\0').filter((file) => wanted.test(file))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  const modules = join(copy, 'node_modules');
  mkdirSync(join(modules, '@dpt-webgpu'), { recursive: true });
  for (const entry of readdirSync(join(root, 'node_modules'))) {
    if (entry === '@dpt-webgpu' || entry.startsWith('.')) continue;
    symlinkSync(join(root, 'node_modules', entry), join(modules, entry), 'junction');
  }
  for (const name of names) {
    symlinkSync(join(copy, 'packages', name), join(modules, '@dpt-webgpu', name), 'junction');
  }
  git(['init', '--quiet', '--initial-branch=main'], copy);
  git(['add', '--all'], copy);
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
  git([...author, 'commit', '--quiet', '-m', 'A copy'], copy);
}

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(join(copy, 'packages', name, 'package.json'), 'utf8')) as Manifest;
const versionsOf = (): string[] => names.map((name) => manifestOf(name).version);
const git = (args: readonly string[], cwd: string): string =>
  execFileSync('git', args, { cwd, encoding: 'utf8', maxBuffer: 1e8 });
const tags = (): string[] => git(['tag', '--list'], copy).trim().split('\n').sort();

// Not execFileSync: the registry answers in this process.
const run = (command: string, args: readonly string[], cwd: string) =>
  promisify(execFile)(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1e8,
    env: { ...process.env, npm_config_userconfig: userconfig },
  });
const node = (args: readonly string[]) => run(process.execPath, args, copy);
const release = () => node(['--import', 'tsx', 'scripts/release.ts']);
