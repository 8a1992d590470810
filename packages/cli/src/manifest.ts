/** A published checkpoint: what it is called here, where it lies, and what it must be. */
export interface ManifestEntry {
  /** What people type: `v2-small`. */
  readonly name: string;
  /** What it is called in the store. Says the family, which the weights do not. */
  readonly file: string;
  readonly url: string;
  /** A `config.json` that belongs to it, where the file alone does not say everything. */
  readonly config?: string;
  readonly bytes?: number;
  /** Roughly, where `bytes` is not known: what the tensors take. */
  readonly about: number;
  /**
   * As third parties state it who have the file; nobody of this project has compared it with the authors' own.
   * Absent: unknown. Then the hash first seen is recorded beside the file and holds from there on.
   */
  readonly sha256?: string;
  readonly licence: string;
  /** Where the authors speak of it. */
  readonly page: string;
  /** The repository is known, and the file is assumed to have the Hub's usual name. */
  readonly assumed?: true;
}

const hub = 'https://huggingface.co';
const midas = 'https://github.com/isl-org/MiDaS/releases';

const APACHE = 'Apache-2.0';
const NON_COMMERCIAL = 'CC-BY-NC-4.0 (not for commercial use)';
const UNKNOWN = 'unknown: see the page';

const sizes = [
  { size: 'small', vit: 'vits', about: 99e6, licence: APACHE },
  { size: 'base', vit: 'vitb', about: 390e6, licence: NON_COMMERCIAL },
  { size: 'large', vit: 'vitl', about: 1341e6, licence: NON_COMMERCIAL },
] as const;
type SizeName = (typeof sizes)[number]['size'];

const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);

interface Known {
  readonly revision?: string;
  readonly bytes?: number;
  readonly sha256?: string;
}

const only = ({ bytes, sha256 }: Known): Pick<ManifestEntry, 'bytes' | 'sha256'> => ({
  ...(bytes === undefined ? {} : { bytes }),
  ...(sha256 === undefined ? {} : { sha256 }),
});

const v1: Readonly<Record<SizeName, Known>> = {
  small: { sha256: '59afe57cfd9f4284deaf5b753d954723d7136ae842fba3e068ba03537ca1e60e' },
  base: { sha256: '64ae214ae4e27424b644c49464c0aa243016f6f753d95097c8eb9ad0b9cb2d9b' },
  large: { sha256: '6c6a383e33e51c5fdfbf31e7ebcda943973a9e6a1cbef1564afe58d7f2e8fe63' },
};

const v2: Readonly<Record<SizeName, Known & { readonly revision: string }>> = {
  small: {
    revision: '03876f8651c73a60fe4c2c48294e09fcb6838fcf',
    bytes: 99_218_434,
    sha256: '715fade13be8f229f8a70cc02066f656f2423a59effd0579197bbf57860e1378',
  },
  base: {
    revision: 'a4e71a6c2ce52fe50df0f212066b0d4a87be9b5e',
    bytes: 389_961_218,
    sha256: '0d2b7002e62d39d655571c371333340bd88f67ab95050c03591555aa05645328',
  },
  large: {
    revision: 'cbbb86a30ce19b5684b7a05155dc7e6cbc7685b9',
    bytes: 1_341_395_338,
    sha256: 'a7ea19fa0ed99244e67b624c72b8580b7e9553043245905be58796a608eb9345',
  },
};

const v2Hf: Readonly<Record<SizeName, Known>> = {
  small: {
    revision: '5426e4f0f36572d16453bbda7a8389317b1bef99',
    bytes: 99_173_660,
    sha256: '3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70',
  },
  base: {},
  large: {
    revision: '7581137eff8d4e94f6e796d3baea0e9fa79b22d2',
    bytes: 1_341_322_868,
    sha256: '4e01e34ed5549b529b70b92d53226bc370f03041977b390d3dde45d47f516cf9',
  },
};

/** The six metric models: what each was trained on, and the hashes of the three sizes. */
const metric = [
  {
    place: 'indoor',
    data: 'hypersim',
    repository: 'Hypersim',
    sha256: {
      small: 'b782898d8a3e8be1f639de33837ed85e9b4b73e40f8f5e5cd99067588d722545',
      base: '9dc9e274c5eff55c6daf27b660c0ced0eca4e8593a6da90cdcb04d2b4d3f3fa2',
      large: '6f82ff2bc543ac02ddff4aa31fa363676a8305dd3ccf04e80e2af115a044cb6d',
    },
  },
  {
    place: 'outdoor',
    data: 'vkitti',
    repository: 'VKITTI',
    sha256: {
      small: '9203e538d35255c90dda4b7fedb47ff33fe725497bcca3b1e53b3a65ee63f0cb',
      base: '4dad67a7cc10b462bca48e6b8569c762b8eb3c1adada170a3851a6d3ba37bb3e',
      large: '239b1054a369e66da2576e9a118d6d7c12d90dc8ebe609579a9a09cd8e05fe38',
    },
  },
] as const;

/** A file of the Hub with Hugging Face names, and its `config.json`. */
function hubTwin(repository: string, { revision = 'main', ...known }: Known = {}) {
  const page = `${hub}/${repository}`;
  return {
    url: `${page}/resolve/${revision}/model.safetensors`,
    config: `${page}/resolve/${revision}/config.json`,
    ...only(known),
    page,
    ...(known.sha256 === undefined ? { assumed: true as const } : {}),
  };
}

const depthAnythingV2 = sizes.flatMap(({ size, vit, about, licence }): ManifestEntry[] => {
  const { revision, ...known } = v2[size];
  const page = `${hub}/depth-anything/Depth-Anything-V2-${capital(size)}`;
  const file = `depth_anything_v2_${vit}`;
  return [
    {
      name: `v2-${size}`,
      file: `${file}.pth`,
      url: `${page}/resolve/${revision}/${file}.pth`,
      ...only(known),
      licence,
      page,
      about,
    },
    {
      name: `v2-${size}-hf`,
      file: `${file}_hf.safetensors`,
      ...hubTwin(`depth-anything/Depth-Anything-V2-${capital(size)}-hf`, v2Hf[size]),
      licence,
      about,
    },
  ];
});

// Asked in DepthAnything/Depth-Anything-V2 issue 245, without an answer. Base and Large are tuned from CC-BY-NC-4.0 weights.
const depthAnythingMetric = metric.flatMap(({ place, data, repository, sha256 }) =>
  sizes.flatMap(({ size, vit, about }): ManifestEntry[] => {
    const page = `${hub}/depth-anything/Depth-Anything-V2-Metric-${repository}-${capital(size)}`;
    const file = `depth_anything_v2_metric_${data}_${vit}`;
    const twin = `Depth-Anything-V2-Metric-${capital(place)}-${capital(size)}-hf`;
    return [
      {
        name: `metric-${place}-${size}`,
        file: `${file}.pth`,
        url: `${page}/resolve/main/${file}.pth`,
        sha256: sha256[size],
        licence: UNKNOWN,
        page,
        about,
      },
      {
        name: `metric-${place}-${size}-hf`,
        file: `${file}_hf.safetensors`,
        ...hubTwin(`depth-anything/${twin}`),
        licence: UNKNOWN,
        about,
      },
    ];
  }),
);

const depthAnythingV1 = sizes.flatMap(({ size, vit, about }): ManifestEntry[] => {
  const page = `${hub}/spaces/LiheYoung/Depth-Anything`;
  const file = `depth_anything_${vit}14`;
  return [
    {
      name: `v1-${size}`,
      file: `${file}.pth`,
      url: `${page}/resolve/main/checkpoints/${file}.pth`,
      ...only(v1[size]),
      licence: APACHE,
      page: 'https://github.com/LiheYoung/Depth-Anything',
      about,
    },
    {
      name: `v1-${size}-hf`,
      file: `${file}_hf.safetensors`,
      ...hubTwin(`LiheYoung/depth-anything-${size}-hf`),
      licence: APACHE,
      about,
    },
  ];
});

const midasModels = [
  { name: 'beit-base-384', file: 'dpt_beit_base_384', release: 'v3_1', about: 478e6 },
  { name: 'beit-large-384', file: 'dpt_beit_large_384', release: 'v3_1', about: 1441e6 },
  { name: 'beit-large-512', file: 'dpt_beit_large_512', release: 'v3_1', about: 1582e6 },
  { name: 'swinv2-tiny-256', file: 'dpt_swin2_tiny_256', release: 'v3_1', about: 172e6 },
  { name: 'swinv2-base-384', file: 'dpt_swin2_base_384', release: 'v3_1', about: 436e6 },
  { name: 'swinv2-large-384', file: 'dpt_swin2_large_384', release: 'v3_1', about: 880e6 },
  {
    name: 'dpt-large-384',
    file: 'dpt_large_384',
    release: 'v3',
    about: 1376e6,
    twin: 'Intel/dpt-large',
    sha256: '2f21e586477d90cb9624c7eef5df7891edca49a1c4795ee2cb631fd4daa6ca69',
  },
].flatMap(({ name, file, release, about, twin, ...known }): ManifestEntry[] => [
  {
    name,
    file: `${file}.pt`,
    url: `${midas}/download/${release}/${file}.pt`,
    ...only(known),
    licence: 'MIT',
    page: `${midas}/tag/${release}`,
    about,
  },
  {
    name: `${name}-hf`,
    file: `${file}_hf.safetensors`,
    ...hubTwin(twin ?? `Intel/dpt-${name}`),
    licence: UNKNOWN,
    about,
  },
]);

/** Every checkpoint that `dpt download` knows, the recommended one first. */
export const manifest: readonly ManifestEntry[] = [
  ...depthAnythingV2,
  ...depthAnythingMetric,
  ...depthAnythingV1,
  ...midasModels,
];

/** Why a model is not in the list. */
export const withheld: ReadonlyMap<string, string> = new Map([
  [
    'v2-giant',
    'the authors have not released Depth-Anything-V2-Giant, and the copy that can be found states no licence, so it is not fetched for you. A file you have the right to use runs like any other: -m depth_anything_v2_vitg.pth',
  ],
]);

/** The published checkpoint of that name; undefined where there is none. */
export const entryNamed = (name: string): ManifestEntry | undefined =>
  manifest.find((entry) => entry.name === name);
