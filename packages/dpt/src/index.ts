export { type ConfigureOptions, families } from './checkpoints/configure.ts';
export { withHfConfig } from './checkpoints/hf_config.ts';
export {
  buildDpt,
  type DptOptions,
  type LoadDptOptions,
  type LoadedDpt,
  loadDpt,
  makeDptFromStateDict,
  type Recognised,
  recognise,
} from './checkpoints/index.ts';
export { type RenamedStateDict, type RenameRule, rename } from './checkpoints/rename.ts';
export type { DepthKind, DptConfig, Family, ImageConfig, Preset, Sizing } from './config.ts';
export {
  type ColourMap,
  colourise,
  colourMaps,
  colourTable,
  colourWords,
  nearness,
} from './depth_map/colour_maps.ts';
export {
  type Calibration,
  calibrate,
  type DepthLine,
  distanceOf,
  inverseToDepth,
  type KnownDistance,
  lineBetween,
  lineValues,
} from './depth_map/distance.ts';
export {
  type DepthLevels,
  depthLevels,
  equaliseLevels,
  reverseLevels,
} from './depth_map/levels.ts';
export { cutOut, depthMask, dilateEdges, edgeMask } from './depth_map/masks.ts';
export {
  compact,
  cutByDepthRatio,
  cutByMask,
  type DepthGrid,
  gridPositions,
  gridTriangles,
  gridUvs,
  type Mesh,
  type MeshOptions,
  meshOf,
} from './depth_map/mesh.ts';
export {
  type NormaliseOptions,
  normaliseRange,
  percentileRange,
} from './depth_map/normalise_map.ts';
export { normals, normalsToRgba, viewValues } from './depth_map/normals.ts';
export { type Pace, pace, RangeOverTime, thumbnail, weightOver } from './depth_map/over_time.ts';
export {
  type DepthPipelineOptions,
  depthPipeline,
  type ProcessedDepth,
} from './depth_map/pipeline.ts';
export { planeOfBestFit, removePlane, subtractPlane } from './depth_map/plane.ts';
export {
  type GuidedOptions,
  guidedUpsample,
  type ResizeMethod,
  resizeMap,
} from './depth_map/resize_map.ts';
export { type DepthSettings, depthSettings } from './depth_map/settings.ts';
export { DPTModel, type DptModelOptions } from './dpt_model.ts';
export { type BeitConfig, BeitEncoder } from './encoders/beit/encoder.ts';
export { type Dinov2Config, Dinov2Encoder } from './encoders/dinov2/encoder.ts';
export type { ImageEncoder, StageReading } from './encoders/image_encoder.ts';
export {
  type Swinv2Config,
  Swinv2Encoder,
  type Swinv2StageConfig,
} from './encoders/swinv2/encoder.ts';
export { type VitConfig, VitEncoder } from './encoders/vit/encoder.ts';
export {
  type FitLimits,
  type FitOptions,
  type FitPlan,
  largestSizeThatFits,
  planFor,
} from './fit_plan.ts';
export { Fusion, FusionBlock, ResidualConvUnit } from './fusion.ts';
export type { FeatureMaps, Grid, Stage, Stages } from './grid.ts';
export { GridCache, type GridCacheOptions } from './grid_cache.ts';
export { Head } from './head.ts';
export { networkSize, type Size, type SizeOptions } from './image_size.ts';
export { countNotFinite, normalise, rangeOf, trueDepth } from './inverse_depth.ts';
export { LiveDepth, type LiveDepthOptions } from './live_depth.ts';
export { PatchEmbed } from './patch_embed.ts';
export {
  type FilmPicture,
  type HostPicture,
  type Photo,
  type PhotoSource,
  sizeOfSource,
} from './photo_source.ts';
export {
  type DepthMap,
  DepthPredictor,
  type PredictOptions,
  type PredictorOptions,
  type PredictTensorOptions,
  type PredictTextureOptions,
  planPrediction,
  summary,
} from './predictor.ts';
export { Reassemble, ReassembleBlock } from './reassemble.ts';
export { cutPhoto, predictTiled, type TiledOptions, type TileOptions, tileSize } from './tiles.ts';
