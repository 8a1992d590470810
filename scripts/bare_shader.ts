/**
 * A shader as bundles carry it: without comments and needless spaces, with short names, on the same lines, so that what a
 * compiler says of one is said of the file.
 */
export function bareShader(source: string): string {
  // WGSL has no strings, so that slashes begin a comment wherever they stand.
  const bare = source
    .replace(/\/\/.*$/gm, '')
    .replace(/[ \t]+/g, ' ')
    .split('\n')
    .map((line) => (/^ ?alias /.test(line) ? line : withoutSpaces(line)).trim())
    .join('\n')
    .trimEnd();
  return `${withShortNames(bare)}\n`;
}

/**
 * A space stays where two words, or two signs of which another could be made (`a - -b`), would touch. Aliases are left
 * alone, since `specialise` knows them by their spaces.
 */
const withoutSpaces = (line: string): string =>
  line
    .replace(/(?<!\w) (?![-+*/%&|<>=!])|(?<![-+*/%&|<>=!]) (?!\w)/g, '')
    .replace(/\b0\.(?=\d)/g, '.')
    .replace(/(?<=\d)\.0(?!\d)/g, '.');

/** Numbers, whose letters are no words, and words with the dot of a member or the sign of an attribute before them. */
const words = /\d[\w.]*|[.@]?[A-Za-z_]\w*/g;

/**
 * What a shader declares for itself gets its first and last letter for a name: the same name in every shader, which is what
 * gzip likes. One new name for each old one, whatever its scope, so that no two meet.
 */
function withShortNames(bare: string): string {
  const shortOf = shortNames(bare);
  const members = membersOf(bare);
  return bare.replace(words, (word) => {
    if (!word.startsWith('.')) return shortOf.get(word) ?? word;
    // `.x` of a vector is not the variable x.
    const member = word.slice(1);
    return members.has(member) ? `.${shortOf.get(member) ?? member}` : word;
  });
}

/** From the long names that a bare shader declares to those that take their place. */
export function shortNames(bare: string): Map<string, string> {
  const declared = namesIn(bare, /\b(?:let|const|fn|struct|var(?:<[\w,]+>)?) ?(\w+)|(\w+):/g);
  const keeps = [
    // Said from outside: by pipelines, and by `specialise`.
    ...namesIn(bare, /\b(?:override|alias) (\w+)/g),
    ...namesIn(bare, /@(?:compute|vertex|fragment)[^{;]*?\bfn (\w+)/g),
    ...namesIn(bare, /@\w+\((\w+)/g),
    // Looks like a swizzle, so that `.rgb` could be either.
    ...[...membersOf(bare)].filter((name) => /^[xyzwrgba]{1,4}$/.test(name)),
    'default',
  ];
  const long = [...declared].filter((name) => name.length > 2 && !keeps.includes(name)).sort();
  const taken = new Set([...(bare.match(words) ?? []), ...wordsOfWgsl]);
  const shortOf = new Map<string, string>();
  for (const name of long) {
    const short = `${name[0]}${name.at(-1)}`;
    let free = short;
    for (let n = 0; taken.has(free); n++) free = `${short}${n}`;
    taken.add(free);
    shortOf.set(name, free);
  }
  return shortOf;
}

/** Those of two letters that a variable must not have. */
const wordsOfWgsl = ['as', 'do', 'fn', 'if', 'of'];

const membersOf = (bare: string): Set<string> => {
  const bodies = [...bare.matchAll(/\bstruct \w+\{([^}]*)\}/g)].map(([, body]) => body);
  return namesIn(bodies.join('\n'), /(\w+):/g);
};

const namesIn = (text: string, pattern: RegExp): Set<string> =>
  new Set([...text.matchAll(pattern)].map(([, a, b]) => (a ?? b)!));
