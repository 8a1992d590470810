// Which pictures dpt image takes: folders, patterns, order, links, shares; and what it asks a person for. Nothing is predicted here.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  askForModel,
  askForPath,
  readLastUsed,
  rememberLastUsed,
} from '../../packages/cli/src/ask.ts';
import { crop, cropOf } from '../../packages/cli/src/crop.ts';
import { UsageError } from '../../packages/cli/src/errors.ts';
import { splitPattern, toMatcher } from '../../packages/cli/src/glob.ts';
import { findPictures, isInShard, shardOf } from '../../packages/cli/src/inputs.ts';
import {
  expectTemplate,
  planFiles,
  removeAbandonedParts,
} from '../../packages/cli/src/output_files.ts';
import { thinned } from '../../packages/cli/src/thin_grid.ts';

const base = mkdtempSync(join(tmpdir(), 'dpt-inputs-'));
afterAll(() => rmSync(base, { recursive: true }));

function folderWith(...files: string[]): string {
  const folder = mkdtempSync(join(base, 'case-'));
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), 'x');
  }
  return folder;
}

const { signal } = new AbortController();
async function found(folder: string, ...given: string[]): Promise<string[]> {
  const inputs = await findPictures(given, { output: join(folder, 'output'), signal });
  return inputs.map(({ path }) => relative(folder, path));
}

describe('folders', () => {
  test('everything below them in natural order, without what is hidden, written or no picture', async () => {
    const folder = folderWith(
      '10.jpg',
      '2.JPG',
      'b/1.png',
      'a/é 猫.webp',
      'notes.txt',
      '.hidden.jpg',
      '.git/x.jpg',
      'output/2.png',
      'a/output/3.png',
    );
    expect(await found(folder, folder)).toEqual([
      '2.JPG',
      '10.jpg',
      'a/é 猫.webp',
      'a/output/3.png',
      'b/1.png',
    ]);
  });

  test('links that lead round in circles, twice to one folder, and to nothing', async () => {
    const folder = folderWith('a/1.jpg', 'b/2.jpg');
    symlinkSync('..', join(folder, 'a/up'));
    symlinkSync('b', join(folder, 'c'));
    symlinkSync('nowhere', join(folder, 'gone.jpg'));
    expect(await found(folder, folder)).toEqual(['a/1.jpg', 'b/2.jpg', 'gone.jpg']);
  });

  test('a file that is in them already once, one that is named twice never', async () => {
    const folder = folderWith('a.jpg', 'b.jpg');
    expect(await found(folder, join(folder, 'b.jpg'), folder)).toEqual(['b.jpg', 'a.jpg']);
    await expect(found(folder, join(folder, 'b.jpg'), join(folder, 'b.jpg'))).rejects.toThrow(
      'b.jpg is given twice.',
    );
  });

  test('their pictures keep their place below the output', async () => {
    const folder = folderWith('a/cat.jpg', 'b/cat.jpg', 'b/cat.png');
    const inputs = await findPictures([folder], { output: 'out', signal });
    const planned = await planFiles(inputs, {
      folder: 'out',
      outputs: ['png', 'obj'],
      template: '{stem}_depth{ext}',
    });
    expect(planned.map(({ files }) => files.map(({ file }) => file))).toEqual([
      [
        'out/a/cat_depth.png',
        'out/a/cat_depth.texture.jpg',
        'out/a/cat_depth.mtl',
        'out/a/cat_depth.obj',
      ],
      [
        'out/b/cat_depth.png',
        'out/b/cat_depth.texture.jpg',
        'out/b/cat_depth.mtl',
        'out/b/cat_depth.obj',
      ],
      [
        'out/b/cat.png_depth.png',
        'out/b/cat.png_depth.texture.jpg',
        'out/b/cat.png_depth.mtl',
        'out/b/cat.png_depth.obj',
      ],
    ]);
  });
});

describe('patterns', () => {
  test.each([
    ['*.jpg', ['a.jpg', '.jpg'], ['a.png', 'x/a.jpg', 'a.jpgx']],
    ['**/*.jpg', ['a.jpg', 'x/a.jpg', 'x/y/a.jpg'], ['a.png']],
    ['x/**', ['x/a.jpg', 'x/y/a.jpg'], ['y/a.jpg']],
    ['?[a-c][!0-9].{jpg,png}', ['xbz.jpg', 'üaé.png'], ['xdz.jpg', 'xb1.jpg', 'xbz.gif']],
    ['a+b(1).[jp]*', ['a+b(1).png'], ['aab1.png']],
    ['a[', ['a['], ['a']],
  ])('%s', (pattern, fitting, others) => {
    const fits = toMatcher(pattern);
    expect([...fitting, ...others].filter(fits)).toEqual(fitting);
  });

  test('the folder before them', () => {
    expect(splitPattern('/a/b/*.jpg')).toEqual({ folder: '/a/b', pattern: '*.jpg' });
    expect(splitPattern('/*.jpg')).toEqual({ folder: '/', pattern: '*.jpg' });
    expect(splitPattern('x?/b.jpg')).toEqual({ folder: '.', pattern: 'x?/b.jpg' });
  });

  test('resolved, unless a file is really called so', async () => {
    const folder = folderWith('a/1.jpg', 'a/2.png', '[x].jpg', 'x.jpg');
    expect(await found(folder, `${folder}/**/*.jpg`)).toEqual(['[x].jpg', 'a/1.jpg', 'x.jpg']);
    expect(await found(folder, `${folder}/[x].jpg`)).toEqual(['[x].jpg']);
    await expect(found(folder, `${folder}/*.gif`)).rejects.toThrow('nothing fits this pattern');
  });
});

describe('shares', () => {
  test.each([1, 2, 7])('%i of them cover everything once, wherever the folder lies', async (of) => {
    const names = Array.from({ length: 60 }, (_, i) => `${i % 3}/${i}.jpg`);
    const deal = async (folder: string): Promise<string[][]> => {
      const inputs = await findPictures([folder], { output: 'output', signal });
      return Array.from({ length: of }, (_, i) =>
        inputs
          .filter((input) => isInShard(input, shardOf(`${i + 1}/${of}`)))
          .map(({ path }) => relative(folder, path)),
      );
    };
    const [here, there] = [await deal(folderWith(...names)), await deal(folderWith(...names))];
    expect(here).toEqual(there);
    expect(here.flat().sort()).toEqual(names.sort());
    // Not all in one: the largest of seven shares of 60 is far below 30.
    expect(Math.max(...here.map(({ length }) => length))).toBeLessThan(of === 1 ? 61 : 45);
  });

  test.each(['0/4', '5/4', '1', '1/0', 'a/b'])('not %s', (text) => {
    expect(() => shardOf(text)).toThrow(UsageError);
  });
});

test('templates of names', () => {
  expect(() => expectTemplate('depth/{stem}_x{ext}')).not.toThrow();
  for (const wrong of [
    '{ext}',
    '{stem}',
    '{name}{ext}',
    '../{stem}{ext}',
    '/{stem}{ext}',
    '{stem}{ext}x',
  ]) {
    expect(() => expectTemplate(wrong), wrong).toThrow(UsageError);
  }
});

test('parts of files that a killed run left are removed, those of other files and of running ones stay', async () => {
  const folder = folderWith('.a.png.0123abcd.part', '.b.png.0123abcd.part', '.a.png.99999999.part');
  for (const name of ['.a.png.0123abcd.part', '.b.png.0123abcd.part'])
    utimesSync(join(folder, name), 1, 1);
  const file = { kind: 'png', file: join(folder, 'a.png') } as const;
  await removeAbandonedParts([{ path: 'a.jpg', name: 'a.jpg', key: 'a.jpg', files: [file] }]);
  expect(readdirSync(folder).sort()).toEqual(['.a.png.99999999.part', '.b.png.0123abcd.part']);
});

test('crops in pixels and in shares', () => {
  const data = Uint8Array.from({ length: 4 * 4 * 3 }, (_, i) => i);
  const photo = { width: 4, height: 3, data };
  const part = crop(photo, cropOf([1, 1, 2, 2])!);
  expect(part).toMatchObject({ left: 1, top: 1, width: 2, height: 2 });
  expect([...part.data]).toEqual([...data.subarray(20, 28), ...data.subarray(36, 44)]);
  expect(crop(photo, cropOf([0.5, 0, 0.5, 1])!)).toMatchObject({
    left: 2,
    top: 0,
    width: 2,
    height: 3,
  });
  expect(crop(photo, cropOf([0.99, 0.99, 0.01, 0.01])!)).toMatchObject({
    left: 3,
    top: 2,
    width: 1,
    height: 1,
  });
  expect(() => crop(photo, cropOf([0, 0, 5, 3])!)).toThrow('reaches beyond this picture of 4×3.');
  for (const wrong of [
    [0, 0, 0, 1],
    [-1, 0, 4, 4],
    [0.5, 0, 0.6, 1],
    [0.5, 0, 20, 20],
  ]) {
    expect(() => cropOf(wrong)).toThrow(UsageError);
  }
});

test('maps are thinned to so many triangles, with their corners', () => {
  const data = Float32Array.from({ length: 50 * 20 }, (_, i) => i);
  expect(thinned({ width: 50, height: 20, data }, 5000).data).toBe(data);
  for (const faces of [2, 100, 1000]) {
    const { width, height, data: thin } = thinned({ width: 50, height: 20, data }, faces);
    expect(2 * (width - 1) * (height - 1)).toBeLessThanOrEqual(faces);
    expect(thin).toHaveLength(width * height);
    expect([thin[0], thin[width - 1], thin[thin.length - width], thin[thin.length - 1]]).toEqual([
      0, 49, 950, 999,
    ]);
  }
});

describe('asks', () => {
  const answers = (...lines: string[]) => {
    const questions: string[] = [];
    const ask = async (question: string): Promise<string> => {
      questions.push(question);
      return lines.shift() ?? Promise.reject(new Error('no more answers'));
    };
    return { ask, questions };
  };

  test('for a picture until there is one, as people type paths', async () => {
    const picture = join(folderWith('a b.jpg'), 'a b.jpg');
    const said: string[] = [];
    const io = { error: (line: string) => said.push(line) };
    const first = answers('', 'gone.jpg', ` '${picture}' `);
    expect(await askForPath(io, first.ask, { what: 'Picture', last: undefined })).toBe(picture);
    expect(said).toEqual(['gone.jpg: there is no such file or folder.']);
    const again = answers('');
    expect(await askForPath(io, again.ask, { what: 'Picture', last: picture })).toBe(picture);
    expect(again.questions).toEqual([`Picture [${picture}]: `]);
  });

  test('for a model of model_weights: by number, by a part of its name, the last again', async () => {
    const folder = folderWith(
      'model_weights/a_small.pth',
      'model_weights/b_large.pth',
      'other.pth',
    );
    const [small, large] = ['a_small.pth', 'b_large.pth'].map((n) =>
      join(folder, 'model_weights', n),
    );
    const before = process.cwd();
    process.chdir(folder);
    try {
      const said: string[] = [];
      const io = { env: {}, error: (line: string) => said.push(line) };
      const model = (last: string | undefined, ...lines: string[]) =>
        askForModel(io, answers(...lines).ask, last);
      expect(relative(folder, (await model(undefined, '2'))!)).toBe(relative(folder, large!));
      expect(said).toEqual(['  1  a_small.pth', '  2  b_large.pth']);
      expect(await model(undefined, 'small')).toBe((await model(undefined, '1'))!);
      expect(await model(large, '')).toBe(large);
      expect(await model(small, 'pth', 'gone.pth', '2')).toMatch(/b_large\.pth$/);
      expect(said.slice(-2)).toEqual([
        'Which one: a_small.pth, b_large.pth?',
        'gone.pth: there is no such file.',
      ]);
    } finally {
      process.chdir(before);
    }
  });

  test('and remembers, in the configuration folder, what is still there', async () => {
    const folder = folderWith('cat.jpg');
    const env = { XDG_CONFIG_HOME: join(folder, 'config') };
    expect(await readLastUsed(env)).toEqual({});
    await rememberLastUsed(env, { picture: join(folder, 'cat.jpg') });
    await rememberLastUsed(env, { model: join(folder, 'gone.pth') });
    expect(
      JSON.parse(readFileSync(join(folder, 'config/dpt-webgpu/last_used.json'), 'utf8')),
    ).toEqual({
      picture: join(folder, 'cat.jpg'),
      model: join(folder, 'gone.pth'),
    });
    expect((await readLastUsed(env)).picture).toBe(join(folder, 'cat.jpg'));
    expect((await readLastUsed(env)).model).toBeUndefined();
    writeFileSync(join(folder, 'config/dpt-webgpu/last_used.json'), '{"picture": 3');
    expect(await readLastUsed(env)).toEqual({});
    // A folder that cannot be made is no error.
    await rememberLastUsed({ XDG_CONFIG_HOME: '/proc/x' }, { picture: 'a' });
  });
});
