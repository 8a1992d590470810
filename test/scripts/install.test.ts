// What `npm start` and its like do around their program: arguments, folder, exit code and signals pass through, and an old Node
// is told so. Not here: npm ci itself, which .ci/run begins with.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const install = new URL('../../scripts/install.mjs', import.meta.url);
const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), 'dpt-start-')));
afterAll(() => rmSync(elsewhere, { recursive: true }));

const asModule = (program: string) => ['--input-type=module', '-e', program];
const passOn = (program: string) =>
  asModule(
    `import { runNode } from '${install}'; runNode(['-e', ${JSON.stringify(program)}, 'a b']);`,
  );

function run(args: string[], options: { cwd: string; env?: Record<string, string> }) {
  const env = { ...process.env, INIT_CWD: options.cwd, ...options.env };
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { ...options, env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

test('arguments and exit code pass through', async () => {
  const program = passOn('console.log(process.argv[1]); process.exitCode = 7;');
  expect(await run(program, { cwd: root })).toMatchObject({ code: 7, stdout: 'a b\n' });
});

test('paths are meant from where the command was called', async () => {
  const program = passOn('console.log(process.cwd())');
  const called = async (cwd: string, env: Record<string, string> = {}) =>
    (await run(program, { cwd, env })).stdout.trim();
  expect(await called(elsewhere)).toBe(elsewhere);
  expect(await called(root)).toBe(realpathSync(root));
  // npm changes to the root and says where it came from.
  expect(await called(root, { INIT_CWD: elsewhere })).toBe(elsewhere);
});

test.skipIf(process.platform === 'win32')('signals pass through', async () => {
  const child = spawn(process.execPath, passOn('console.log(1); setInterval(() => {}, 1e6)'), {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.once('data', () => child.kill('SIGTERM'));
  const code = await new Promise((resolve) => child.on('exit', resolve));
  expect(code).toBe(128 + 15);
});

test('an old Node is told so', async () => {
  const program = asModule(`
    Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } });
    const { checkNode } = await import('${install}');
    checkNode();`);
  const { code, stderr } = await run(program, { cwd: root });
  expect(code).toBe(1);
  expect(stderr).toMatchInlineSnapshot(`
    "This needs Node 20.19 or newer; this is 18.20.4. Get one from https://nodejs.org
    "
  `);
});
