/**
 * While anything is awaited, Dawn in Node polls from a `setImmediate` loop and so keeps one core at 100 %. A driver that
 * computes on the CPU needs that core: on two cores a matmul is 1.6 to 1.9 times faster when the JavaScript thread
 * sleeps in slices of 1 ms between turns of the event loop. On a real GPU the loop costs nothing that matters, so there
 * it stays as it is.
 */

const slice = new Int32Array(new SharedArrayBuffer(4));
const polite = Symbol.for('dpt-webgpu.politeWaits');

type AnyMethod = (...args: unknown[]) => Promise<unknown>;

let pending = 0;
let sleeping = false;

async function sleepWhilePending(): Promise<void> {
  if (sleeping) return;
  sleeping = true;
  while (pending > 0) {
    Atomics.wait(slice, 0, 0, 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  sleeping = false;
}

function waitPolitely(method: AnyMethod): AnyMethod {
  return function (this: unknown, ...args) {
    const promise = method.apply(this, args);
    const settled = () => {
      pending -= 1;
    };
    pending += 1;
    promise.then(settled, settled);
    void sleepWhilePending();
    return promise;
  };
}

/** Makes the calls of Dawn's classes that take time wait politely, once per process. */
export function installPoliteWaits(dawnGlobals: object): void {
  for (const [className, method] of [
    ['GPUQueue', 'onSubmittedWorkDone'],
    ['GPUBuffer', 'mapAsync'],
    ['GPUDevice', 'createComputePipelineAsync'],
  ] as const) {
    const owner: unknown = Reflect.get(dawnGlobals, className);
    if (typeof owner !== 'function') continue;
    const prototype = owner.prototype as Record<string, AnyMethod> & { [polite]?: Set<string> };
    prototype[polite] ??= new Set();
    if (prototype[polite].has(method)) continue;
    prototype[polite].add(method);
    prototype[method] = waitPolitely(prototype[method]!);
  }
}
