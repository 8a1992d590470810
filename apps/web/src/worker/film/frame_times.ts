/**
 * When each frame of a film is shown, in seconds, ascending: from the file's own table, which browsers keep to themselves.
 * Undefined for files whose table mediabunny cannot read, though the browser may play them.
 */
export async function frameTimes(
  file: Blob,
  signal: AbortSignal,
): Promise<Float64Array<ArrayBuffer> | undefined> {
  const { BlobSource, EncodedPacketSink, Input, ...formats } = await import('./media_files.ts');
  const { MP4, QTFF, WEBM, MATROSKA } = formats;
  const input = new Input({
    source: new BlobSource(file),
    formats: [MP4, QTFF, WEBM, MATROSKA],
  });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (!track) return undefined;
    const times: number[] = [];
    const packets = new EncodedPacketSink(track).packets(undefined, undefined, {
      metadataOnly: true,
    });
    for await (const { timestamp } of packets) {
      signal.throwIfAborted();
      times.push(timestamp);
    }
    return times.length > 0 ? Float64Array.from(times).sort() : undefined;
  } catch {
    return undefined;
  } finally {
    input.dispose();
  }
}
