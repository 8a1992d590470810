/** Whether a path has what shells resolve: `*`, `?`, `[…]` or `{…,…}`. */
export const isPattern = (path: string): boolean => /[*?[{]/.test(path);

/** The folder before the first part with a wildcard, and the rest. */
export function splitPattern(path: string): { readonly folder: string; readonly pattern: string } {
  const parts = path.split('/');
  const first = parts.findIndex(isPattern);
  const above = parts.slice(0, first).join('/');
  const folder = above || (path.startsWith('/') ? '/' : '.');
  return { folder, pattern: parts.slice(first).join('/') };
}

/**
 * Tells whether a path with slashes fits a pattern. `*` and `?` stay within a part, `**` stands for any number of
 * folders, `[a-c]` and `[!a-c]` for a character, `{a,b}` for either. Upper and lower case differ.
 */
export function toMatcher(pattern: string): (path: string) => boolean {
  const expression = new RegExp(`^(?:${sourceOf(pattern.normalize('NFC'))})$`, 'su');
  return (path) => expression.test(path.normalize('NFC'));
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

function sourceOf(pattern: string): string {
  let source = '';
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at);
    const folders = (at === 0 || pattern[at - 1] === '/') && /^\*\*(\/|$)/.exec(rest)?.[0];
    const set = /^\[([!^]?)(\]?[^\]/]*)\]/.exec(rest);
    const choice = /^\{([^{}/]*,[^{}/]*)\}/.exec(rest);
    if (folders) {
      source += folders === '**' ? '.*' : '(?:[^/]+/)*';
      at += folders.length;
    } else if (rest[0] === '*') {
      source += '[^/]*';
      at++;
    } else if (rest[0] === '?') {
      source += '[^/]';
      at++;
    } else if (set && set[2] !== '') {
      const members = set[2]!.replace(/[\\\][&^]/g, '\\$&');
      source += set[1] ? `(?!/)[^${members}]` : `[${members}]`;
      at += set[0].length;
    } else if (choice) {
      source += `(?:${choice[1]!.split(',').map(sourceOf).join('|')})`;
      at += choice[0].length;
    } else {
      const character = String.fromCodePoint(rest.codePointAt(0)!);
      source += literal(character);
      at += character.length;
    }
  }
  return source;
}
