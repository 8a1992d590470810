export {
  betterModel,
  bundledModel,
  chooseModel,
  type ModelChoice,
  type ModelChoiceOptions,
  modelNamed,
} from './model_choice.ts';
export {
  type OpenedModel,
  type OpenModelHooks,
  type OpenModelOptions,
  openModel,
  PictureSizeError,
} from './open_model.ts';
export { downloadFolder } from './store.ts';
