// PyTorch, in a process of Python that pytorch.py describes. DPT_PEERS_PYTHON and DPT_PEERS_TORCH say which and on what.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Engine, Task } from './engines.ts';
import { channelsFirst } from './onnx_graph.ts';

export async function pytorch({ file, height, f16 }: Task, compiled: boolean): Promise<Engine> {
  const { DPT_PEERS_PYTHON: python = 'python3', DPT_PEERS_TORCH: device } = process.env;
  const flags = [...(f16 ? ['--f16'] : []), ...(compiled ? ['--compile'] : [])];
  if (device) flags.push('--device', device);
  const script = join(import.meta.dirname, 'pytorch.py');
  const child = spawn(python, [script, file, '--size', String(height), ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const output = new Output(child);
  const { adapter, cpu } = JSON.parse(await output.line()) as { adapter: string; cpu: number };
  let spent = cpu;
  return {
    adapter,
    cpuElsewhere: () => spent,
    async run(image) {
      const pixels = channelsFirst(image);
      child.stdin!.write(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
      spent = (await output.take(8)).readDoubleLE();
      const depth = await output.take(height * height * 4);
      return new Float32Array(new Uint8Array(depth).buffer);
    },
  };
}

/** What a process writes, in pieces that are asked for. Rejects when it ends before. */
class Output {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #failed: Promise<never>;
  #held: Buffer = Buffer.alloc(0);

  constructor(child: ChildProcess) {
    this.#chunks = child.stdout![Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#failed = once(child, 'exit').then(([code, signal]): never => {
      throw new Error(`Python ended with ${code ?? signal}.`);
    });
    this.#failed.catch(() => {}); // after the last answer nobody listens
  }

  async line(): Promise<string> {
    for (let end = this.#held.indexOf(10); ; end = this.#held.indexOf(10)) {
      if (end >= 0) return (await this.take(end + 1)).toString();
      await this.#more();
    }
  }

  async take(bytes: number): Promise<Buffer> {
    while (this.#held.length < bytes) await this.#more();
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  async #more(): Promise<void> {
    const { value, done } = await Promise.race([this.#chunks.next(), this.#failed]);
    if (done) return this.#failed;
    this.#held = Buffer.concat([this.#held, value]);
  }
}
