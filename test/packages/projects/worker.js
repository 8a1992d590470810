import { ownDevice, run } from './depth.js';

addEventListener('message', async ({ data }) => postMessage(await run(await ownDevice(), data)));
// A rejection inside a handler is no error event of the worker by itself.
addEventListener('unhandledrejection', ({ reason }) => {
  throw reason;
});
