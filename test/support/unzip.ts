import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';

/** Files of a ZIP by name, in the order of its directory. Checksums have to be right. */
export async function unzip(path: string): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(readFileSync(path));
  const files = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    const bytes = await buffer(await zip.openReadStreamPromise(entry));
    if (crc32(bytes) !== entry.crc32) throw new Error(`unzip: ${entry.fileName} is damaged.`);
    files.set(entry.fileName, bytes);
  }
  return files;
}
