/**
 * Text that others wrote (file names, names of sites, error texts of tools) on its way to a log or a terminal. Without this a file name can
 * forge a log line, clear a screen or show itself reversed (THREATS 58).
 */

const UNSAFE_RANGES = [
  '\\u0000-\\u001f\\u007f-\\u009f', // C0, DEL, C1
  '\\u2028\\u2029', // line and paragraph separator
  '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069', // direction marks, embeddings, overrides, isolates
  '\\u00ad\\u180e\\u200b-\\u200d\\u2060-\\u2065\\u206a-\\u206f\\ufeff\\ufff9-\\ufffb', // what cannot be seen
  '\\u{e0000}-\\u{e007f}', // tags
  '\\p{Surrogate}', // halves of characters
];
const UNSAFE = new RegExp(`[${UNSAFE_RANGES.join('')}]`, 'gu');

const escapeOne = (character: string): string => {
  const point = character.codePointAt(0) ?? 0;
  return point > 0xffff ? `\\u{${point.toString(16)}}` : `\\u${point.toString(16).padStart(4, '0')}`;
};

/** The same text with control, bidi and invisible characters as `\u001b`. One line stays one line. */
export const escapeText = (text: string): string => text.replaceAll(UNSAFE, escapeOne);

/** JSON text with the same characters as `\\u` escapes: still the same value, and nothing that a terminal obeys. */
export const escapeJSON = (json: string): string =>
  json.replaceAll(UNSAFE, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
