// What a file is, by its first bytes and whatever its name: checkpoints open, everything else is explained. Paths of the local disk.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CheckpointErrorCode } from '../../packages/loaders/src/index.ts';
import {
  CheckpointError,
  openCheckpoint,
  writeSafetensors,
} from '../../packages/loaders/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { expectRefused, source, values } from '../support/loaders.ts';
import { floats, stateDictPickle, writeLegacyPth, writePth } from '../support/write_pth.ts';
import { writeZip } from '../support/write_zip.ts';

const storages = { '0': floats(1, 2) };
const tensors = { a: { storage: '0', shape: [2] } };
const safetensors = writeSafetensors(
  new Map([['a', { dtype: 'f32', shape: [2], data: new Float32Array([1, 2]) }]]),
);
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

test.each<[string, Uint8Array]>([
  ['model.pth', writePth(tensors, storages)],
  ['model.safetensors', writePth(tensors, storages)],
  ['old.pt', writeLegacyPth(stateDictPickle(tensors, storages, true), storages)],
  ['model.safetensors', safetensors],
  ['model.pth', safetensors],
])('%s opens by its content', async (name, bytes) => {
  const stateDict = await openCheckpoint(source(bytes, name));
  expect(stateDict.name).toBe(name);
  expect(await values(stateDict, 'a')).toEqual([1, 2]);
});

test('a safetensors header whose length spells {" opens', async () => {
  // 0x227b bytes of header: the file begins like JSON text.
  const header = '{}'.padEnd(0x227b, ' ');
  const bytes = new Uint8Array(8 + header.length);
  bytes.set([0x7b, 0x22]);
  bytes.set(bytesOf(header), 8);
  expect((await openCheckpoint(source(bytes))).tensors.size).toBe(0);
});

test.each<[what: string, bytes: Uint8Array, code: CheckpointErrorCode, message: RegExp]>([
  ['nothing', new Uint8Array(0), 'empty', /is empty \(0 bytes\)\. Download it again/],
  [
    'an LFS pointer',
    bytesOf('version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 99218434\n'),
    'lfs-pointer',
    /Git LFS pointer, the text that stands for the real file of 99218434 bytes\. Fetch the file itself: run "git lfs pull"/,
  ],
  [
    'a page',
    bytesOf('\n<!DOCTYPE html><html><title>404</title>'),
    'web-page',
    /is a web page, not a checkpoint\. The link led to a page/,
  ],
  [
    'an XML error',
    bytesOf('<?xml version="1.0"?><Error><Code>AccessDenied'),
    'web-page',
    /is a web page/,
  ],
  [
    'a JSON error',
    bytesOf('{"error":"Repository not found"}'),
    'web-page',
    /is JSON text, not a checkpoint/,
  ],
  [
    'a JSON index',
    bytesOf('{\n  "metadata": {"total_size": 1}}'),
    'web-page',
    /JSON text.* an index/,
  ],
  [
    'an error in words',
    bytesOf('Entry not found'),
    'web-page',
    /the text of an error message \("entry not found"\)/,
  ],
  [
    'a preview of PyTorch 1.0',
    bytesOf('PYTORCH1\0\0\0\0'),
    'unsupported',
    /container of a preview release of PyTorch 1\.0/,
  ],
  [
    'a tar',
    bytesOf(`pickle${'\0'.repeat(251)}ustar\0`),
    'unsupported',
    /is a tar file: the format of PyTorch 0\.1, or an archive/,
  ],
  [
    'a bare pickle',
    bytesOf('\x80\x02}q\0.'),
    'unsupported',
    /is a bare pickle, not a file of torch\.save\. Load it with Python/,
  ],
  [
    'a bare pickle of protocol 4',
    bytesOf('\x80\x04\x95\0\0\0\0\0\0\0\0}.'),
    'unsupported',
    /is a bare pickle/,
  ],
  ['an empty zip', writeZip([]), 'not-a-checkpoint', /is an empty zip file/],
  [
    'a zip of other things',
    writeZip([{ name: 'model.pth', data: new Uint8Array(3) }]),
    'not-a-checkpoint',
    /a zip file without a checkpoint in it \("model\.pth"\)\. Unpack it and open the file inside/,
  ],
  [
    'a zip without a top folder',
    writeZip([{ name: 'data.pkl', data: new Uint8Array(3) }]),
    'not-a-checkpoint',
    /without a checkpoint in it \("data\.pkl"\)/,
  ],
  [
    'TorchScript',
    writeZip([
      { name: 'm/data.pkl', data: new Uint8Array(1) },
      { name: 'm/constants.pkl', data: new Uint8Array(1) },
    ]),
    'unsupported',
    /TorchScript archive/,
  ],
  ['gzip', bytesOf('\x1f\x8b\x08\0'), 'not-a-checkpoint', /is a gzip file, .* Unpack it first/],
  ['GGUF', bytesOf('GGUF\x03\0\0\0'), 'not-a-checkpoint', /is a GGUF file/],
  ['HDF5', bytesOf('\x89HDF\r\n'), 'not-a-checkpoint', /is an HDF5 file/],
  [
    'a picture',
    bytesOf('\x89PNG\r\n\x1a\n'),
    'not-a-checkpoint',
    /is a PNG picture.*Did a picture and a model change places/,
  ],
  [
    'an impossible header length',
    bytesOf(`${'\xff'.repeat(8)}{}`),
    'corrupt',
    /its header claims 18446744073709551615 bytes/,
  ],
  [
    'zeros',
    new Uint8Array(100),
    'not-a-checkpoint',
    /neither a PyTorch nor a safetensors file; it begins with the bytes 00 00 00 00 00 00 00 00/,
  ],
  ['one byte', new Uint8Array([7]), 'not-a-checkpoint', /begins with the bytes 07\. Check that/],
  [
    'a zip cut short',
    writePth(tensors, storages).slice(0, 300),
    'short-read',
    /The download or copy is probably incomplete/,
  ],
])('%s is explained', async (_, bytes, code, message) => {
  await expectRefused(openCheckpoint(source(bytes)), code, message);
});

test('an error says which file, what is wrong, what to do', async () => {
  const attempt = openCheckpoint(
    source(bytesOf('version https://git-lfs.github.com/spec/v1\nsize 5\n')),
  );
  await expect(attempt).rejects.toThrowErrorMatchingInlineSnapshot(
    `[CheckpointError: model.pth: is a Git LFS pointer, the text that stands for the real file of 5 bytes. Fetch the file itself: run "git lfs pull" in its repository, or download it with its "resolve" (not "raw") link.]`,
  );
  const error = (await attempt.catch((reason) => reason)) as CheckpointError;
  expect(error).toBeInstanceOf(CheckpointError);
  expect([error.name, error.code, error.file]).toEqual([
    'CheckpointError',
    'lfs-pointer',
    'model.pth',
  ]);
  expect(error.message).toBe(`${error.file}: ${error.problem} ${error.remedy}`);
});

test('any bytes give an error or a state dict', async () => {
  const starts = [
    '',
    'PK\x03\x04',
    '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.',
    '\x02\0\0\0\0\0\0\0{',
    '\x80\x02',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...starts),
      fc.uint8Array({ maxLength: 300 }),
      async (start, rest) => {
        const bytes = new Uint8Array([...bytesOf(start), ...rest]);
        await openCheckpoint(source(bytes)).catch((error: unknown) =>
          expect(error).toBeInstanceOf(CheckpointError),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('a path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'checkpoint_'));
  try {
    const path = join(folder, 'mein modell ü.pth');
    await writeFile(path, writePth(tensors, storages));
    const stateDict = await openCheckpointFile(path);
    expect(await values(stateDict, 'a')).toEqual([1, 2]);
    await stateDict.close();
    await expectRefused(stateDict.tensors.get('a')!.read(), 'closed', /is closed/);

    await expectRefused(
      openCheckpointFile(folder),
      'not-found',
      /is a folder; the path of a file is needed/,
    );
    await expectRefused(
      openCheckpointFile(join(folder, 'none.pth')),
      'not-found',
      /none\.pth: there is no such file/,
    );
    await expectRefused(
      openCheckpointFile('https://example.org/model.pth'),
      'invalid-argument',
      /is a URL; a path/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
