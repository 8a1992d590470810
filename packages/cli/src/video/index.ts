export { type Container, containerOf } from './containers.ts';
export { Decoder, type DecoderOptions, type Frame, type FrameRange } from './decode.ts';
export { Encoder, type EncoderOptions, encodersOf } from './encode.ts';
export { type Ffmpeg, fileUrl, findFfmpeg } from './ffmpeg.ts';
export { FilmDepth, type FilmDepthOptions, type FrameDepth, type Wanted } from './film_depth.ts';
export { type Film, perSecond, probe, type Rate } from './probe.ts';
export { type FilmStages, type FilmState, progressLine, runFilm } from './run_film.ts';
export { SMOOTH, SMOOTH_PIXELS } from './video_flags.ts';
