// What is used of mediabunny, in a chunk of its own: it is loaded with the first film or recording.
export {
  BlobSource,
  BufferTarget,
  CanvasSource,
  EncodedPacketSink,
  getFirstEncodableVideoCodec,
  Input,
  MATROSKA,
  MP4,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  QTFF,
  Quality,
  WEBM,
  WebMOutputFormat,
} from 'mediabunny';
