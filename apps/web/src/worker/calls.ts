import type { FilmCalls } from './film/film_calls.ts';
import type { GpuState } from './gpu.ts';
import type { ImageCalls } from './image/image_calls.ts';
import type { InsightCalls } from './insight/insight_calls.ts';
import type { ModelCalls, ModelState } from './model_calls.ts';
import type { View3dCalls } from './view3d/view3d_calls.ts';

/** Everything that the page can ask of the worker. A feature adds its own interface here and its handlers in worker.ts. */
export interface Calls extends ModelCalls, ImageCalls, FilmCalls, View3dCalls, InsightCalls {}

/** What the worker says unasked: each is the latest state of something. */
export interface Events {
  readonly gpu: GpuState;
  readonly model: ModelState;
}
