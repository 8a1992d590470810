/** A shader as bundles carry it: without comments and needless spaces, on the same lines, so that messages still fit. */
export function bareShader(source: string): string {
  // WGSL has no strings, so that slashes begin a comment wherever they stand.
  const bare = source
    .replace(/\/\/.*$/gm, '')
    .replace(/[ \t]+/g, ' ')
    .split('\n')
    .map((line) => (/^ ?alias /.test(line) ? line : withoutSpaces(line)).trim())
    .join('\n')
    .trimEnd();
  return `${bare}\n`;
}

/** Aliases are left alone, since `specialise` knows them by their spaces. */
const withoutSpaces = (line: string): string =>
  line
    .replace(/ ?([,;{}()=:]) ?/g, '$1')
    .replace(/(?<=[\w)\]]) ([-+*/<>|&]|[<>=!]=|&&|\|\|) (?=[\w(])/g, '$1')
    .replace(/\b0\.(?=\d)/g, '.')
    .replace(/(?<=\d)\.0(?!\d)/g, '.');
