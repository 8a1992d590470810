import { spawnSync } from 'node:child_process';

/** Whether films can be read and written here: the tests that need it are skipped by the name `ffmpeg` otherwise. */
export const hasFfmpeg = ['ffmpeg', 'ffprobe'].every(
  (program) => spawnSync(program, ['-version']).status === 0,
);

/** Runs a program and returns what it printed; throws when it fails. */
export function runTool(program: 'ffmpeg' | 'ffprobe', args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, ['-v', 'error', ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
