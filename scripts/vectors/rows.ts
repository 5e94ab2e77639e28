/** Vectors about the rows of inventory and index (format §3, §6, §7). All are signed by the trusted key: it has been stolen. */
import {
  encodeIndexRow,
  encodeInventoryRow,
  sha256Of,
  type IndexRow,
  type InventoryRow,
} from '@gapferry/bundle-format';
import { forgeVolume, indexText, inventoryRows, inventoryText, type Forgery } from './bundle.ts';
import { bundleVector } from './manifests.ts';
import type { NamedVector } from './vector.ts';

const [FIRST, ...REST] = inventoryRows().map(encodeInventoryRow);
const A = FIRST ?? '';

const inventory = (
  name: string,
  says: string,
  expect: string,
  text: string | Buffer,
  spec = '§6.1',
  more: Forgery = {},
): NamedVector => bundleVector(`inventory-${name}`, says, spec, expect, { inventory: text, ...more });
const bent = (
  name: string,
  says: string,
  from: string | RegExp,
  to: string,
  spec = '§6.1',
  expect = 'INVENTORY_INVALID',
): NamedVector => {
  const row = A.replace(from, to);
  if (row === A) throw new Error(`${String(from)} does not occur`);
  return inventory(name, says, expect, [row, ...REST].join(''), spec);
};

const canonical = (): NamedVector[] => [
  bent('space', 'a space after a colon', '"type":', '"type": ', '§2.5'),
  bent('key-order', 'two fields in another order', /("type":"file"),("role":"content")/, '$2,$1', '§2.5'),
  bent('duplicate-key', 'a key stands twice', '"size":6', '"size":5,"size":6', '§2.5'),
  bent('escape', 'an escape where none is needed', 'a.txt', '\\u0061.txt', '§2.5'),
  bent('slash-escape', 'an escaped slash', '"path":"a.txt"', '"path":"a\\/txt"', '§2.5'),
  bent('crlf', 'a row ends with carriage return and line feed', '\n', '\r\n', '§2.5'),
  bent('empty-line', 'an empty line', '\n', '\n\n', '§2.5'),
  inventory('no-line-feed', 'the last line feed is missing', 'INVENTORY_INVALID', inventoryText().slice(0, -1), '§2.5'),
  inventory(
    'bom',
    'a byte order mark stands before the first row',
    'INVENTORY_INVALID',
    `\ufeff${inventoryText()}`,
    '§2.5',
  ),
  inventory(
    'not-utf8',
    'a byte that UTF-8 does not have',
    'INVENTORY_INVALID',
    Buffer.from(inventoryText().replace('a.txt', '\u00ff.txt'), 'latin1'),
    '§2.5',
  ),
  inventory(
    'overlong-utf8',
    'a slash in two bytes',
    'INVENTORY_INVALID',
    Buffer.from(inventoryText().replace('a.txt', 'a\u00c0\u00aftxt'), 'latin1'),
    '§2.5',
  ),
  inventory(
    'row-too-long',
    'a row of more than 32,768 bytes',
    'INVENTORY_INVALID',
    [A.replace('a.txt', 'a'.repeat(32_768)), ...REST].join(''),
    '§2.4',
  ),
  inventory('array', 'a row that is no object', 'INVENTORY_INVALID', ['["a.txt"]\n', ...REST].join(''), '§2.5'),
];

const fields = (): NamedVector[] => [
  bent('path-number', 'a path that is a number', '"path":"a.txt"', '"path":5'),
  bent('mtime-float', 'a time of half a millisecond', /"mtime":(\d+)/, '"mtime":$1.5'),
  inventory('count', 'the manifest states one row more', 'INVENTORY_INVALID', inventoryText(), '§4.1', {
    rows: { inventory: 4 },
  }),
  bent('unknown-field', 'a field that rows do not have', '"mtime"', '"owner":"root","mtime"'),
  bent('missing-field', 'the size is missing', '"size":6,', ''),
  bent('type', 'a type that does not exist', '"type":"file"', '"type":"device"'),
  bent('role', 'a role that does not exist', '"role":"content"', '"role":"other"', '§6.2'),
  bent('content-phase', 'content with a phase', '"role":"content"', '"role":"content","phase":1', '§6.2'),
  bent('metadata-without-phase', 'metadata without a phase', '"role":"content"', '"role":"metadata"', '§6.2'),
  bent('phase-0', 'phase 0', '"role":"content"', '"role":"metadata","phase":0', '§6.2'),
  bent('phase-100', 'phase 100', '"role":"content"', '"role":"metadata","phase":100', '§6.2'),
  bent('exec-false', 'an exec bit that is told although it is not set', '"mtime"', '"exec":false,"mtime"'),
  bent('exec-text', 'an exec bit as a text', '"mtime"', '"exec":"true","mtime"'),
  bent('size-negative', 'a negative size', '"size":6', '"size":-6'),
  bent('size-float', 'a size of 6.5', '"size":6', '"size":6.5'),
  bent('size-beyond', 'a size of 2^53 + 1', '"size":6', '"size":9007199254740993'),
  bent(
    'digest-upper-case',
    'a digest in upper-case letters',
    /"sha256":"[0-9a-f]+"/,
    `"sha256":"${sha256Of(Buffer.from('alpha\n')).toUpperCase()}"`,
  ),
  bent('digest-short', 'a digest of 63 digits', /("sha256":"[0-9a-f]{63})[0-9a-f]"/, '$1"'),
  bent('mtime-beyond', 'a time beyond what dates can tell', /"mtime":\d+/, '"mtime":8640000000000001'),
  inventory(
    'descending',
    'rows that do not ascend',
    'INVENTORY_INVALID',
    inventoryText(inventoryRows().toReversed()),
    '§6.3',
  ),
  inventory('twice', 'a path stands twice', 'INVENTORY_INVALID', [A, A, ...REST].join(''), '§6.3'),
  inventory(
    'utf16-order',
    'rows in the order of UTF-16, which is not that of their bytes',
    'INVENTORY_INVALID',
    inventoryText([named('\u{1f600}.txt'), named('\uff5e.txt')]),
    '§6.3',
  ),
  inventory(
    'below-file',
    'a path below a file',
    'INVENTORY_INVALID',
    inventoryText([named('a'), named('a-b'), named('a/c')]),
    '§6.3',
  ),
  inventory(
    'below-link',
    'a path below a link',
    'INVENTORY_INVALID',
    inventoryText([link('a', 'b'), named('a/c')]),
    '§6.3',
  ),
  inventory(
    'below-empty-folder',
    'a path below an empty folder',
    'INVENTORY_INVALID',
    inventoryText([{ path: 'a', type: 'dir' }, named('a/c')]),
    '§6.3',
  ),
];

function named(path: string): InventoryRow {
  const [row] = inventoryRows();
  if (row?.type !== 'file') throw new Error('the first row is a file');
  return { ...row, path };
}
const link = (path: string, target: string): InventoryRow => ({ path, type: 'link', role: 'content', target });

export interface PathCase {
  readonly name: string;
  readonly path: string;
  readonly expect: string;
}
const at = (name: string, path: string, expect: string): PathCase => ({ name, path, expect });
/** One path for each way in which a path can be bad. */
export const BAD_PATHS: readonly PathCase[] = [
  at('empty', '', 'PATH_UNSAFE'),
  at('absolute', '/etc/passwd', 'PATH_UNSAFE'),
  at('unc', '//server/share/x', 'PATH_UNSAFE'),
  at('parent', '../x', 'PATH_UNSAFE'),
  at('parent-inside', 'a/../../x', 'PATH_UNSAFE'),
  at('dot', 'a/./x', 'PATH_UNSAFE'),
  at('empty-component', 'a//x', 'PATH_UNSAFE'),
  at('trailing-slash', 'a/', 'PATH_UNSAFE'),
  at('backslash', 'a\\x', 'PATH_UNSAFE'),
  at('drive', 'c:/x', 'PATH_UNSAFE'),
  at('drive-relative', 'c:x', 'PATH_UNSAFE'),
  at('nul', 'a\0.txt', 'PATH_CHARS'),
  at('line-feed', 'a\nb', 'PATH_CHARS'),
  at('escape', 'a\u001b[2Jb', 'PATH_CHARS'),
  at('delete', 'a\u007fb', 'PATH_CHARS'),
  at('c1', 'a\u009bb', 'PATH_CHARS'),
  at('line-separator', 'a\u2028b', 'PATH_CHARS'),
  at('bidi', 'a\u202etxt.exe', 'PATH_CHARS'),
  at('bidi-isolate', 'a\u2066b', 'PATH_CHARS'),
  at('direction-mark', 'a\u200fb', 'PATH_CHARS'),
  at('zero-width', 'a\u200bb', 'PATH_CHARS'),
  at('byte-order-mark', 'a\ufeffb', 'PATH_CHARS'),
  at('lone-surrogate', 'a\ud800b', 'PATH_ENCODING'),
  at('component-256', 'x'.repeat(256), 'PATH_TOO_LONG'),
  at('component-256-utf8', '\u00fc'.repeat(128), 'PATH_TOO_LONG'),
  at('bytes-4097', `${'x'.repeat(240)}/`.repeat(17).slice(0, 4097), 'PATH_TOO_LONG'),
  at('depth-65', Array.from({ length: 65 }, () => 'd').join('/'), 'PATH_TOO_LONG'),
  at('device', 'a/con', 'NAME_RESERVED'),
  at('device-extension', 'NUL.txt', 'NAME_RESERVED'),
  at('device-space', 'aux .txt', 'NAME_RESERVED'),
  at('device-stream', 'prn:x', 'NAME_RESERVED'),
  at('device-superscript', 'com\u00b9', 'NAME_RESERVED'),
  at('trailing-dot', 'a./x', 'NAME_RESERVED'),
  at('trailing-space', 'a ', 'NAME_RESERVED'),
];
export interface LinkCase extends PathCase {
  readonly target: string;
}
const to = (name: string, path: string, target: string, expect: string): LinkCase => ({ name, path, target, expect });
export const BAD_LINKS: readonly LinkCase[] = [
  to('absolute', 'l', '/etc/passwd', 'PATH_UNSAFE'),
  to('empty', 'l', '', 'PATH_UNSAFE'),
  to('leaving', 'd/l', '../../x', 'PATH_UNSAFE'),
  to('leaving-through-name', 'l', 'd/../../x', 'PATH_UNSAFE'),
  to('climbing-behind-name', 'a/b/c/l', 's/../../../x', 'PATH_UNSAFE'),
  to('drive', 'l', 'c:/x', 'PATH_UNSAFE'),
  to('backslash', 'd/l', '..\\..\\x', 'PATH_UNSAFE'),
  to('control', 'l', 'a\u001bb', 'PATH_CHARS'),
  to('bidi', 'l', 'a\u202eb', 'PATH_CHARS'),
  to('lone-surrogate', 'l', 'a\udc00', 'PATH_ENCODING'),
  to('too-long', 'l', 'x/'.repeat(2049), 'PATH_TOO_LONG'),
];

const paths = (): NamedVector[] => [
  ...BAD_PATHS.map(({ name, path, expect }) =>
    inventory(`path-${name}`, `a path that is refused: ${name}`, expect, inventoryText([named(path)]), '§3.2'),
  ),
  ...BAD_LINKS.map(({ name, path, target, expect }) =>
    inventory(
      `link-${name}`,
      `a link target that is refused: ${name}`,
      expect,
      inventoryText([link(path, target)]),
      '§3.4',
    ),
  ),
  inventory(
    'path-own',
    "a path in the importer's own folder",
    'NAME_RESERVED',
    inventoryText([named('.Gapferry/staging/x')]),
    '§3.2',
  ),
  inventory(
    'link-own',
    "a link into the importer's own folder",
    'NAME_RESERVED',
    inventoryText([link('a/l', '../.gapferry/staging/x')]),
    '§3.4',
  ),
];

const rows = (): readonly IndexRow[] => forgeVolume().rows;
const index = (
  name: string,
  says: string,
  expect: string,
  text: string | Buffer,
  spec = '§7.1',
  more: Forgery = {},
): NamedVector => bundleVector(`index-${name}`, says, spec, expect, { index: text, ...more });
const indexRow = (name: string, says: string, change: object, spec = '§7.2', expect = 'INDEX_INVALID'): NamedVector =>
  index(
    name,
    says,
    expect,
    indexText(rows().map((row, i) => (i === 1 ? ({ ...row, ...change } as IndexRow) : row))),
    spec,
  );
const PART = { kind: 'part', size: 100, entry: 'parts/files/b.txt/0001-of-0002', part: 1, of: 2, at: 0 };
const MEMBER = { kind: 'packed', entry: 'packs/files-0001.zip', member: 'content/files/b.txt' };

const PATCH = {
  kind: 'patch',
  size: 1000,
  entry: 'patches/files/b.txt',
  patch: 'example',
  bases: [sha256Of(Buffer.from('old'))],
};

const indexes = (): NamedVector[] => [
  index('array', 'a row that is no object', 'INDEX_INVALID', `[1]\n${indexText(rows())}`, '§2.5'),
  indexRow('digest-missing', 'a row without a digest', { sha256: undefined }, '§7.1'),
  indexRow('digest-upper-case', 'a digest in upper-case letters', { sha256: 'AB'.repeat(32) }, '§7.1'),
  indexRow('size-text', 'a size as a text', { size: '6' }, '§7.1'),
  indexRow('stored-text', 'a stored length as a text', { stored: '6' }, '§7.1'),
  indexRow('volume-text', 'the number of a volume as a text', { volume: '1' }, '§7.1'),
  indexRow('entry-number', 'a name that is a number', { entry: 5 }, '§7.1'),
  indexRow('part-text', 'the number of a part as a text', { ...PART, part: '1' }, '§7.3'),
  indexRow('part-of-text', 'the count of parts as a text', { ...PART, of: '2' }, '§7.3'),
  indexRow('part-at-float', 'a part that begins at byte 0.5', { ...PART, at: 0.5 }, '§7.3'),
  indexRow('part-empty', 'a part without bytes', { ...PART, stored: 0 }, '§7.3'),
  indexRow(
    'packed-no-member',
    'a packed object without a member',
    { kind: 'packed', entry: 'packs/files-0001.zip' },
    '§7.4',
  ),
  indexRow('patch-no-method', 'a patch without a method', { ...PATCH, patch: undefined }, '§7.5'),
  indexRow('patch-no-list', 'a patch whose bases are no list', { ...PATCH, bases: PATCH.bases[0] }, '§7.5'),
  indexRow(
    'patch-257-bases',
    'a patch against 257 objects',
    { ...PATCH, bases: Array.from({ length: 257 }, () => PATCH.bases[0]) },
    '§7.5',
  ),
  index('count', 'the manifest states one row less', 'INDEX_INVALID', indexText(rows()), '§4.1', {
    rows: { index: 2 },
  }),
  index('space', 'a space after a comma', 'INDEX_INVALID', indexText(rows()).replace(',', ', '), '§2.5'),
  index('no-line-feed', 'the last line feed is missing', 'INDEX_INVALID', indexText(rows()).slice(0, -1), '§2.5'),
  index('descending', 'rows that do not ascend', 'INDEX_INVALID', indexText(rows().toReversed())),
  index(
    'twice',
    'a row stands twice',
    'INDEX_INVALID',
    rows()
      .map((row) => encodeIndexRow(row).repeat(2))
      .join(''),
  ),
  index(
    'overlap',
    'two rows share bytes of the volume',
    'INDEX_INVALID',
    indexText([
      ...rows().slice(0, 1),
      ...rows()
        .slice(1)
        .map((row) => ({ ...row, offset: row.offset - 60 })),
    ]),
  ),
  indexRow('kind', 'a kind that does not exist', { kind: 'copy' }, '§7.1'),
  indexRow('method', 'a method that does not exist', { method: 'bzip2' }, '§7.1'),
  indexRow('volume-0', 'an object in the head', { volume: 0 }, '§7.1'),
  index(
    'volume-unknown',
    'an object in a volume that the manifest does not name',
    'INDEX_INVALID',
    indexText(rows().map((row, i) => (i === 2 ? { ...row, volume: 2 } : row))),
  ),
  indexRow('offset-float', 'an offset of 99.5', { offset: 99.5 }, '§7.1'),
  indexRow('whole-sizes', 'a stored object with two lengths', { size: 7 }),
  indexRow('deflated-too-large', 'a deflated object of more than 64 MiB', { method: 'deflated', size: 67_108_865 }),
  indexRow('entry-empty', 'an entry without a name', { entry: '' }, '§8.2'),
  indexRow(
    'entry-elsewhere',
    'a name that other tools unpack elsewhere',
    { entry: 'content/files/../../x' },
    '§8.2',
    'PATH_UNSAFE',
  ),
  indexRow('entry-absolute', 'an absolute name', { entry: '/content/files/b.txt' }, '§8.2'),
  indexRow('entry-device', 'a name of a device', { entry: 'content/files/con' }, '§8.2', 'NAME_RESERVED'),
  indexRow('entry-of-no-kind', 'a name that does not say what it is', { entry: 'files/b.txt' }, '§8.2'),
  indexRow('entry-repository', 'a repository name that is none', { entry: 'content/Files/b.txt' }, '§8.2'),
  indexRow('entry-inventory', 'an object under the name of an inventory', { entry: 'inventory/files.ndjson' }, '§8.2'),
  indexRow('part-0', 'part 0', { ...PART, part: 0, entry: 'parts/files/b.txt/0000-of-0002' }, '§7.3'),
  indexRow('part-above', 'part 3 of 2', { ...PART, part: 3, entry: 'parts/files/b.txt/0003-of-0002' }, '§7.3'),
  indexRow(
    'part-only',
    'the only part of an object',
    { ...PART, of: 1, entry: 'parts/files/b.txt/0001-of-0001' },
    '§7.3',
  ),
  indexRow('part-beyond', 'a part that reaches beyond its object', { ...PART, at: 95 }, '§7.3'),
  indexRow('part-deflated', 'a deflated part', { ...PART, method: 'deflated' }, '§7.3'),
  indexRow(
    'part-name',
    'a part whose name tells another number',
    { ...PART, entry: 'parts/files/b.txt/0002-of-0002' },
    '§8.2',
  ),
  indexRow('packed-sizes', 'a member of a pack with two lengths', { ...MEMBER, size: 7 }, '§7.4'),
  indexRow('packed-deflated', 'a deflated member of a pack', { ...MEMBER, method: 'deflated' }, '§7.4'),
  indexRow(
    'packed-elsewhere',
    'a member with a name that other tools unpack elsewhere',
    { ...MEMBER, member: 'content/files/../../x' },
    '§8.2',
    'PATH_UNSAFE',
  ),
  indexRow(
    'packed-repository',
    'a member of another repository than its pack',
    { ...MEMBER, member: 'content/other/b.txt' },
    '§8.2',
  ),
  indexRow(
    'patch-bases',
    'a patch against something that is no digest',
    { kind: 'patch', entry: 'patches/files/b.txt', patch: 'x', bases: ['b.txt'] },
    '§7.5',
  ),
];

const accepted = (): NamedVector[] => [
  bundleVector('accepts-patch', 'a patch row: its object counts as missing', '§7.5', 'ok', {
    volume: {
      bytes: forgeVolume((entries) => entries.map((entry, i) => (i === 1 ? { ...entry, name: PATCH.entry } : entry)))
        .bytes,
      // 'patches' has as many letters as 'content', so nothing else moves
      rows: rows().map((row, i) => (i === 1 ? ({ ...row, ...PATCH } as IndexRow) : row)),
    },
  }),
  bundleVector('accepts-dangling-link', 'a link to a path that the inventory does not name', '§3.4', 'ok', {
    inventory: inventoryText([...inventoryRows(), link('z', 'nowhere')]),
  }),
  bundleVector('accepts-object-of-no-row', 'an object that no inventory names', '§7.1', 'ok', {
    inventory: inventoryText(inventoryRows().slice(1)),
  }),
  bundleVector('accepts-empty-index', 'a bundle without objects', '§7.1', 'ok', {
    volume: { bytes: forgeVolume(() => []).bytes, rows: [] },
  }),
];

export const rowVectors = (): NamedVector[] => [...canonical(), ...fields(), ...paths(), ...indexes(), ...accepted()];
