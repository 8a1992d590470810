// What the commands of this repository do first: check Node, and install the dependencies when they are missing or old.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const oldestNode = [20, 19];

/** Ends the process with a plain message when this Node cannot run the project. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  console.error(
    `This needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node}. Get one from https://nodejs.org`,
  );
  process.exit(1);
}

/** Runs `npm ci` unless node_modules is already what package-lock.json says. */
export function installDependencies() {
  if (!outdated()) return;
  console.error('Installing dependencies (npm ci), once …');
  // npm's own output goes to stderr: stdout belongs to the command that follows.
  // The tools are development dependencies, which NODE_ENV=production would leave out.
  const { status, error } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32', // npm is npm.cmd there
  });
  if (status === 0) return;
  console.error(
    error ? `npm does not start: ${error.message}` : `npm ci failed (exit ${status}); see above.`,
  );
  process.exit(1);
}

function outdated() {
  const installed = join(root, 'node_modules', '.package-lock.json'); // npm's note of what it installed
  if (!existsSync(installed)) return true;
  return statSync(join(root, 'package-lock.json')).mtimeMs > statSync(installed).mtimeMs;
}

/**
 * Runs Node with these arguments in place of this process: same terminal, same signals, same exit code.
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 */
export function runNode(args, options = {}) {
  const child = spawn(process.execPath, args, {
    stdio: 'inherit',
    cwd: folderOfCaller(),
    ...options,
  });
  // Ctrl-C reaches the child by itself, so it decides when to end; a signal sent to this process alone is passed on.
  const forward = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, signal === 'SIGINT' && process.stdin.isTTY ? () => {} : forward);
  }
  child.on('error', (error) => {
    console.error(`node does not start: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}

/** npm runs scripts in the root of the repository, but paths on the command line are meant from where npm was called. */
function folderOfCaller() {
  const here = process.cwd();
  return join(here, '.') === join(root, '.') ? (process.env.INIT_CWD ?? here) : here;
}
