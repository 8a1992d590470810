export {
  betterModel,
  bundledModel,
  chooseModel,
  downloadFolder,
  type ModelChoice,
  type ModelChoiceOptions,
} from './model_choice.ts';
export {
  type OpenedModel,
  type OpenModelHooks,
  type OpenModelOptions,
  openModel,
  PictureSizeError,
} from './open_model.ts';
