/**
 * Text that others wrote (file names, names of sites, error texts of tools) on its way to a log or a terminal. Without this a file name can
 * forge a log line, clear a screen or show itself reversed (THREATS 58).
 */

// C0, DEL, C1; line and paragraph separator; bidi marks, embeddings, overrides and isolates; zero-width and invisible characters; BOM;
// interlinear annotation; tags; lone surrogates.
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

const escapeOne = (character: string): string => {
  const point = character.codePointAt(0) ?? 0;
  return point > 0xffff ? `\\u{${point.toString(16)}}` : `\\u${point.toString(16).padStart(4, '0')}`;
};

/** The same text with control, bidi and invisible characters as `\u001b`. One line stays one line. */
export const escapeText = (text: string): string => text.replaceAll(UNSAFE, escapeOne);

/** JSON text with the same characters as `\\u` escapes: still the same value, and nothing that a terminal obeys. */
export const escapeJSON = (json: string): string =>
  json.replaceAll(UNSAFE, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
