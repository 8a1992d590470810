import type { Calls, Events } from './calls.ts';
import { failureOf } from './failures.ts';
import { FilmSession } from './film/film_session.ts';
import type { ImageCalls } from './image/image_calls.ts';
import { ImageSession } from './image/image_session.ts';
import type { NamedBlob } from './insight/insight_calls.ts';
import { InsightSession } from './insight/insight_session.ts';
import type { ModelCalls } from './model_calls.ts';
import { forecast } from './model_forecast.ts';
import { ModelHost } from './model_host.ts';
import {
  clearModels,
  downloadModel,
  importModel,
  listModels,
  rememberModel,
  removeModel,
} from './model_store.ts';
import { type FromWorker, type Handlers, type Port, serve } from './protocol.ts';
import { View3dSession } from './view3d/view3d_session.ts';

// TypeScript's libraries for pages and for workers exclude each other; of the worker's own scope only this is used.
const port = globalThis as unknown as Port;

function say<K extends keyof Events>(name: K, value: Events[K]): void {
  port.postMessage({ kind: 'event', name, value } satisfies FromWorker, []);
}

const host = new ModelHost({
  gpu: (state) => say('gpu', state),
  model: (state) => say('model', state),
});

const models: Handlers<ModelCalls> = {
  'gpu.open': async () => (await host.gpu()).info,
  'gpu.reopen': () => host.reopen(),
  'gpu.stop': () => host.stopRecovery(),
  'gpu.memory': async () => (await host.gpu()).context.memory().total,
  'model.open': ({ source, options }, job) => host.open(source, options, job),
  'model.stop': () => host.stop(),
  'model.forecast': async ({ name }) => forecast(name, (await host.gpu()).info),
  'model.inspect': ({ source, options, size }) => host.inspect(source, options, size),
  'model.needs': ({ width, height, size, square }) => host.needs({ width, height }, size, square),
  'store.list': () => listModels(),
  'store.import': ({ file, options }, job) => importModel(file, options, job),
  'store.download': (download, job) => downloadModel(download, job),
  'store.remember': (known) => rememberModel(known),
  'store.remove': ({ file }) => removeModel(file),
  'store.clear': () => clearModels(),
};

const session = new ImageSession(host).handlers;
/** What the image page shows: the insight page begins with it. */
let shownPhoto: NamedBlob | undefined;
const image: Handlers<ImageCalls> = {
  ...session,
  'image.open': async (photo, job) => {
    const opened = await session['image.open'](photo, job);
    shownPhoto = photo;
    return opened;
  },
};
const insight = new InsightSession(host, () => shownPhoto).handlers;

const film = new FilmSession(host);
const view3d = new View3dSession(host, () => film.latest()).handlers;

serve<Calls>(port, { ...models, ...image, ...film.handlers, ...view3d, ...insight }, failureOf);
