// Shaders as bundles carry them, those of the web app too: they compile as the files do, the same code line for line but for
// names, of which each has one other everywhere; aliases, overrides and entry points are still found.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bareShader } from '../../../scripts/bare_shader.ts';
import { testDevice } from '../../support/device.ts';

const root = join(import.meta.dirname, '../../..');
const files = ['shaders', 'apps/web/src/worker/shaders'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.wgsl'))
    .map((name) => join(folder, name)),
);

test.each(files)('%s', async (file) => {
  const source = readFileSync(join(root, file), 'utf8');
  const bare = bareShader(source);
  expect(bare).not.toMatch(/\/\/| {2}/);
  expect(bare.length).toBeLessThan(source.length);
  // The same lines, so that a compiler's message about one is true of the other.
  expect(linesOf(bare)).toEqual(linesOf(source));
  expectOneNameEach(source, bare);
  for (const known of [
    /\balias \w+ = [^;]+;/g,
    /\boverride \w+/g,
    /@(compute|vertex|fragment)[^{]*?fn \w+/g,
  ]) {
    const found = (text: string): string[] | undefined =>
      text.match(known)?.map((said) => said.replace(/\s+/g, ''));
    expect(found(bare)).toEqual(found(withoutComments(source)));
  }

  const device = await testDevice();
  const messagesOf = async (code: string): Promise<string[]> => {
    device.pushErrorScope('validation');
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    await device.popErrorScope();
    return messages.filter(({ type }) => type === 'error').map(({ message }) => message);
  };
  // Extensions that this device has not are refused in both.
  expect(await messagesOf(bare)).toEqual(await messagesOf(source));
});

test('a variable is renamed, the swizzle, attribute and number that look like it are not', () => {
  const source = `
    struct Params { size: u32, rgb: vec3f, u32s: u32 }
    @group(0) @binding(0) var<storage, read_write> group: array<vec4f>;
    @group(0) @binding(1) var<uniform> params: Params;
    override LANES: u32 = 4;
    const x1e = 0x1eu - -1;  // a number
    fn length_of(rgba: vec4f, area: vec4f) -> f32 { return rgba.rgb.r * 0.50 + area.x - 1.0e-6; }
    @compute @workgroup_size(64) fn helper(@builtin(workgroup_id) workgroup_id: vec3u) {
      let lengths = length_of(group[params.size], vec4f(params.rgb, f32(LANES)));
      let lot = select(0., 1., lengths > 2.0);
    }`;
  expect(bareShader(source)).toMatchInlineSnapshot(`
    "
    struct Ps{se:u32,rgb:vec3f,us:u32}
    @group(0)@binding(0)var<storage,read_write>gp:array<vec4f>;
    @group(0)@binding(1)var<uniform>ps:Ps;
    override LANES:u32=4;
    const xe=0x1eu- -1;
    fn lf(ra:vec4f,aa:vec4f)->f32{return ra.rgb.r*.50+aa.x-1.e-6;}
    @compute@workgroup_size(64)fn helper(@builtin(workgroup_id)workgroup_id:vec3u){
    let ls=lf(gp[ps.se],vec4f(ps.rgb,f32(LANES)));
    let lt=select(0.,1.,ls>2.);
    }
    "
  `);
});

const withoutComments = (text: string): string => text.replace(/\/\/.*/g, '');

/** Words with the dot of a member or the sign of an attribute before them, and numbers. */
const words = /\d[\w.]*|[.@]?[A-Za-z_]\w*/g;

/** What a line says, whatever the names in it. */
function linesOf(text: string): string[] {
  const lines = withoutComments(text).trimEnd().split('\n');
  return lines.map((line) =>
    line
      .replace(words, (word) => (/^\d/.test(word) ? word : 'name'))
      .replace(/\b0\.(?=\d)|(?<=\d)\.0(?!\d)/g, '.')
      .replace(/\s/g, ''),
  );
}

/** Names are changed one for one: two that differ stay different, and those that are equal stay equal. */
function expectOneNameEach(source: string, bare: string): void {
  const wordsOf = (text: string): string[] =>
    (withoutComments(text).match(words) ?? []).filter((word) => !/^\d/.test(word));
  const before = wordsOf(source);
  const after = wordsOf(bare);
  expect(after.length).toBe(before.length);
  const pairs = new Set(before.map((word, i) => `${word} → ${after[i]}`));
  expect(pairs.size).toBe(new Set(before).size);
  expect(pairs.size).toBe(new Set(after).size);
}
