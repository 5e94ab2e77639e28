/**
 * `JSON.parse` takes the last of two equal keys without a word; other readers take the first. Where a package document says which bytes
 * belong to a version, that must not be left to the reader.
 */

/** The keys that lead to an object; array items have their number. */
export type KeyPath = readonly string[];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

interface Level {
  /** `undefined` for arrays. */
  readonly keys: Set<string> | undefined;
  readonly isObject: boolean;
  expectsKey: boolean;
  key: string;
}

/** Position just after the string that begins at `start`. */
const endOfString = (json: string, start: number): number => {
  let at = start + 1;
  while (json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at + 1;
};

const textOf = (quoted: string): string => {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  const text: unknown = JSON.parse(quoted);
  return typeof text === 'string' ? text : quoted;
};

/**
 * @param json text that `JSON.parse` accepted
 * @param watched which objects are looked at, by the keys that lead to them
 * @returns the path of the first key that stands twice in a watched object, or `undefined`
 */
export const findDuplicateKey = (json: string, watched: (path: KeyPath) => boolean): KeyPath | undefined => {
  const levels: Level[] = [];
  const path = (): string[] => levels.map((level) => level.key);
  const open = (isObject: boolean): void => {
    const keys = isObject && watched(path()) ? new Set<string>() : undefined;
    levels.push({ keys, isObject, expectsKey: isObject, key: '' });
  };
  for (let at = 0; at < json.length; at += 1) {
    const level = levels.at(-1);
    switch (json[at]) {
      case '{':
        open(true);
        break;
      case '[':
        open(false);
        break;
      case '}':
      case ']':
        levels.pop();
        break;
      case ',':
        if (level !== undefined) level.expectsKey = level.isObject;
        break;
      case '"': {
        const end = endOfString(json, at);
        if (level?.expectsKey === true) {
          level.key = textOf(json.slice(at, end));
          level.expectsKey = false;
          if (level.keys?.has(level.key) === true) return path();
          level.keys?.add(level.key);
        }
        at = end - 1;
        break;
      }
      default: // white space, colons, numbers, true, false, null
    }
  }
  return undefined;
};
