/**
 * The one strict rule for names and paths, the same on all platforms (format §3). Whoever writes a bundle asks it before a
 * name goes anywhere, whoever reads one asks it before a name is used.
 */
import { Misused, Refused } from './errors.ts';
import { LIMITS } from './limits.ts';

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Names of repositories and sites: they become parts of file names on every filesystem (format §3.1). */
export const isName = (text: string): boolean => NAME.test(text) && !isReserved(text) && !/[.]$/.test(text);

/** @throws Misused USAGE */
export function assertName(kind: string, text: string): void {
  if (isName(text)) return;
  throw new Misused(
    'USAGE',
    `${kind} ${JSON.stringify(text)}: a name is made of a-z, 0-9, '.', '_' and '-', begins with a letter or digit and has at most 63`,
  );
}

const EXPORTER = /^x[0-9a-f]{16}$/;
export const isExporterId = (text: string): boolean => EXPORTER.test(text);

// C0, DEL, C1; line and paragraph separators; bidirectional controls that make a name look like another one; characters of no width that do the
// same (not U+200C and U+200D, which scripts need); the byte order mark.
// oxlint-disable-next-line no-control-regex
const FORBIDDEN_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;
// Device names of Windows, also with an extension or stream behind them and spaces between, also with the superscript digits that it takes for digits.
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:[.:].*)?$/iu;
const DRIVE_LETTER = /^[a-z]:/iu;

const isReserved = (component: string): boolean => DEVICE.test(component);

const refuse = (
  code: 'PATH_UNSAFE' | 'PATH_CHARS' | 'PATH_ENCODING' | 'PATH_TOO_LONG' | 'NAME_RESERVED',
  path: string,
  why: string,
): never => {
  throw new Refused(code, `path ${JSON.stringify(path.slice(0, 300))}: ${why}`, {
    facts: { path: path.slice(0, 1024) },
  });
};

/** Judges a path inside a repository (format §3.2). @throws Refused PATH_UNSAFE, PATH_CHARS, PATH_ENCODING, PATH_TOO_LONG, NAME_RESERVED */
export function checkPath(path: string): void {
  checkNested(path, LIMITS.pathBytes, LIMITS.depth);
}

/** Judges the name of an entry of a volume: a path that may be longer by what stands around it (format §8.2). @throws as `checkPath` */
export function checkEntryName(entry: string): void {
  checkNested(entry, LIMITS.entryBytes, LIMITS.entryDepth);
}

function checkNested(path: string, mostBytes: number, mostDepth: number): void {
  if (path.length === 0) refuse('PATH_UNSAFE', path, 'is empty');
  if (!path.isWellFormed()) refuse('PATH_ENCODING', path, 'is not well-formed Unicode');
  if (Buffer.byteLength(path) > mostBytes) refuse('PATH_TOO_LONG', path, `has more than ${mostBytes} bytes`);
  if (FORBIDDEN_CHARACTERS.test(path)) refuse('PATH_CHARS', path, 'has control or direction characters');
  if (path.includes('\\')) refuse('PATH_UNSAFE', path, 'has a backslash');
  if (path.startsWith('/') || DRIVE_LETTER.test(path)) refuse('PATH_UNSAFE', path, 'is absolute');
  const components = path.split('/');
  if (components.length > mostDepth) refuse('PATH_TOO_LONG', path, `is deeper than ${mostDepth} folders`);
  for (const component of components) checkComponent(component, path);
}

function checkComponent(component: string, path: string): void {
  if (component === '' || component === '.' || component === '..')
    refuse('PATH_UNSAFE', path, `has the component ${JSON.stringify(component)}`);
  if (component.length > LIMITS.componentBytes / 4 && Buffer.byteLength(component) > LIMITS.componentBytes)
    refuse('PATH_TOO_LONG', path, `has a component of more than ${LIMITS.componentBytes} bytes`);
  const last = component.charCodeAt(component.length - 1);
  if (last === 0x2e || last === 0x20) refuse('NAME_RESERVED', path, 'has a component that ends in a dot or a space');
  if (isReserved(component)) refuse('NAME_RESERVED', path, `has the device name ${JSON.stringify(component)}`);
}

/** Characters that a Windows target cannot hold besides those of `checkPath`; asked only for such targets (format §3.3). */
export function checkPathForWindows(path: string): void {
  if (/[<>:"|?*]/.test(path)) refuse('NAME_RESERVED', path, 'has a character that Windows does not allow');
}

/** Judges the target of a link at `path`: relative, and inside the repository (format §3.4). @throws Refused PATH_UNSAFE … */
export function checkLinkTarget(path: string, target: string): void {
  if (!target.isWellFormed()) refuse('PATH_ENCODING', path, 'links to something that is not well-formed Unicode');
  if (target === '' || target.startsWith('/') || target.includes('\\') || DRIVE_LETTER.test(target))
    refuse('PATH_UNSAFE', path, `links to ${JSON.stringify(target)}, which is not relative`);
  if (FORBIDDEN_CHARACTERS.test(target))
    refuse('PATH_CHARS', path, 'links to a name with control or direction characters');
  if (Buffer.byteLength(target) > LIMITS.pathBytes) refuse('PATH_TOO_LONG', path, 'links to a path that is too long');
  // Behind a name that is itself a link, '..' leads elsewhere than the text says.
  if (climbsBehindName(target))
    refuse('PATH_UNSAFE', path, `links to ${JSON.stringify(target)}, where '..' stands behind a name`);
  if (resolveLink(path, target) === undefined)
    refuse('PATH_UNSAFE', path, `links to ${JSON.stringify(target)}, which is outside the repository`);
}

const climbsBehindName = (target: string): boolean => {
  const components = target.split('/').filter((component) => component !== '' && component !== '.');
  return components.slice(0, components.lastIndexOf('..') + 1).some((component) => component !== '..');
};

/** The path that a link names, or undefined when it leaves the repository. '' is the repository's root. */
export function resolveLink(path: string, target: string): string | undefined {
  const stack = path.split('/').slice(0, -1);
  for (const component of target.split('/')) {
    if (component === '' || component === '.') continue;
    if (component !== '..') stack.push(component);
    else if (stack.pop() === undefined) return undefined;
  }
  return stack.join('/');
}

/** Order of inventories: by the bytes of the UTF-8 form. JavaScript's own order differs beyond U+FFFF. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others, so they are moved above U+E000 to U+FFFF. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/**
 * Two paths with one key are the same file where a filesystem folds case or Unicode forms (format §3.3).
 * NFKC is too strong (it joins what no filesystem joins); upper before lower makes 'ß' and 'SS' meet.
 */
export const collisionKey = (path: string): string =>
  path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
