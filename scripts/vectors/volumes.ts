/** Vectors about volumes (format §8): damage of the medium, and structures that lie although everything is signed with a stolen key. */
import { crc32 } from 'node:zlib';
import { sha256Of, type IndexRow } from '@gapferry/bundle-format';
import { OBJECTS, entryOf, forgeVolume, plainBundle, plainEntries, rowOf, type ForgedVolume } from './bundle.ts';
import { bundleVector } from './manifests.ts';
import { changedFiles, type Edit, type NamedVector } from './vector.ts';
import {
  FLAG_DESCRIPTOR,
  FLAG_UTF8,
  descriptor,
  end64,
  forgeZip,
  locator64,
  u16,
  u32,
  u64,
  type ForgedEnd,
  type ForgedEntry,
} from './zip.ts';

const PLAIN = plainBundle();
const VOLUME = 'vol-0001.zip';
const VOLUME_BYTES = PLAIN.get(VOLUME)?.length ?? 0;

const damage = (name: string, says: string, spec: string, expect: string, ...edits: readonly Edit[]): NamedVector => ({
  name,
  says,
  spec,
  expect,
  kind: 'bundle',
  base: 'plain',
  files: {},
  edits,
  keys: ['exporter'],
});
function without(name: string, says: string, spec: string, expect: string, file: string): NamedVector {
  const files = new Map(PLAIN);
  files.delete(file);
  return {
    ...(damage(name, says, spec, expect) as Extract<NamedVector, { kind: 'bundle' }>),
    files: changedFiles(files, PLAIN),
  };
}

const damaged = (): NamedVector[] => [
  damage('volume-bit', 'one bit of a volume changed', '§8.1', 'HASH_MISMATCH', {
    file: VOLUME,
    xor: { at: 70, with: 4 },
  }),
  damage('volume-last-bit', 'the last bit of a volume changed', '§8.1', 'HASH_MISMATCH', {
    file: VOLUME,
    xor: { at: VOLUME_BYTES - 1, with: 1 },
  }),
  damage('volume-truncated', 'a volume is one byte too short', '§8.1', 'TRUNCATED', {
    file: VOLUME,
    cut: VOLUME_BYTES - 1,
  }),
  damage('volume-empty', 'a volume has no bytes', '§8.1', 'TRUNCATED', { file: VOLUME, cut: 0 }),
  damage('volume-longer', 'a byte follows the signed length of a volume', '§8.1', 'LENGTH_MISMATCH', {
    file: VOLUME,
    append: { text: '\n', times: 1 },
  }),
  without('volume-missing', 'a volume is not there', '§8.1', 'BUNDLE_INCOMPLETE', VOLUME),
  damage('head-bit', 'one bit of the head changed', '§8.1', 'HASH_MISMATCH', {
    file: 'vol-0000.zip',
    xor: { at: 70, with: 4 },
  }),
  damage('blocks-bit', 'one digit of a block list changed', '§8.1', 'HASH_MISMATCH', {
    file: 'vol-0001.blocks',
    xor: { at: 0, with: 1 },
  }),
  damage('blocks-truncated', 'a block list is one byte too short', '§8.1', 'LENGTH_MISMATCH', {
    file: 'vol-0001.blocks',
    cut: 64,
  }),
  damage('blocks-longer', 'a block list has one line more than blocks', '§8.1', 'LENGTH_MISMATCH', {
    file: 'vol-0001.blocks',
    append: { text: `${'0'.repeat(64)}\n`, times: 1 },
  }),
  without('blocks-missing', 'a block list is not there', '§8.1', 'BUNDLE_INCOMPLETE', 'vol-0001.blocks'),
  bundleVector(
    'blocks-upper-case',
    'the digests of a signed block list are in upper-case letters',
    '§8.1',
    'HASH_MISMATCH',
    { blocks: (list) => Buffer.from(list.toString().replace(/[0-9a-f]+/, (hex) => hex.toUpperCase())) },
  ),
  bundleVector('blocks-of-others', 'a signed block list that belongs to other bytes', '§8.1', 'HASH_MISMATCH', {
    blocks: () => Buffer.from(`${sha256Of(Buffer.from('other'))}\n`),
  }),
  {
    ...damage('sums-altered', 'SHA256SUMS says something else than the manifest', '§2.6', 'SUMS_MISMATCH', {
      file: 'SHA256SUMS',
      xor: { at: 0, with: 1 },
    }),
  },
  without('accepts-no-sums', 'SHA256SUMS is not there: it is for people', '§2.6', 'ok', 'SHA256SUMS'),
  without('manifest-missing', 'there is no manifest', '§2.1', 'MANIFEST_MISSING', 'manifest.json'),
];

/** A volume whose entries or end are bent, with an index that tells where things really lie. */
const zip = (
  name: string,
  says: string,
  expect: string,
  bend?: (entries: ForgedEntry[]) => readonly ForgedEntry[],
  end?: ForgedEnd,
): NamedVector => bundleVector(`zip-${name}`, says, '§8.3', expect, { volume: forgeVolume(bend, end) });
const one =
  (n: number, change: Partial<ForgedEntry>) =>
  (entries: ForgedEntry[]): ForgedEntry[] =>
    entries.map((entry, i) => (i === n ? { ...entry, ...change } : entry));
const ghost = (name = 'content/files/ghost.txt'): ForgedEntry => ({ name, data: Buffer.from('boo\n') });
const rowsOfPlain = (): readonly IndexRow[] => forgeVolume().rows;
const raw = (name: string, says: string, expect: string, bytes: Buffer, rows = rowsOfPlain()): NamedVector =>
  bundleVector(`zip-${name}`, says, '§8.3', expect, { volume: { bytes, rows } });

const BRAVO = Buffer.from('bravo\n');
const described = (change: Partial<ForgedEntry>): Partial<ForgedEntry> => ({
  flags: FLAG_UTF8 | FLAG_DESCRIPTOR,
  descriptor: descriptor(crc32(BRAVO), 6, 6),
  ...change,
});
const beyond = 2n ** 53n;
const eocd64 = (
  more: Partial<ForgedEnd> & { records: (start: number, bytes: number, count: number) => Buffer },
): ForgedEnd => {
  const { records, ...fields } = more;
  return { count: 0xffff, bytes: 0xffffffff, start: 0xffffffff, beforeEnd: records, ...fields };
};
const sound = (start: number, bytes: number, count: number): Buffer =>
  Buffer.concat([end64(count, bytes, start), locator64(start + bytes)]);

/** Makes one of the four-byte numbers of a record 1. */
function bend32(record: Buffer, at: number): Buffer {
  const bent = Buffer.from(record);
  bent.writeUInt32LE(1, at);
  return bent;
}

const ends = (): NamedVector[] => [
  zip('comment-claimed', 'the end record claims a comment that is not there', 'ZIP_AMBIGUOUS', undefined, {
    commentBytes: 5,
  }),
  zip('directory-disk', 'the directory is said to begin on a second disk', 'ZIP_FEATURE', undefined, {
    directoryDisk: 1,
  }),
  zip(
    'end64-signature',
    'the zip64 end record begins with another number',
    'ZIP_INVALID',
    undefined,
    eocd64({ records: (s, b, c) => Buffer.concat([u32(0x06064b51), end64(c, b, s).subarray(4), locator64(s + b)]) }),
  ),
  zip(
    'end64-disk',
    'the zip64 end record tells of a second disk',
    'ZIP_FEATURE',
    undefined,
    eocd64({ records: (s, b, c) => Buffer.concat([bend32(end64(c, b, s), 16), locator64(s + b)]) }),
  ),
  zip(
    'end64-directory-disk',
    'the zip64 end record says that the directory begins on a second disk',
    'ZIP_FEATURE',
    undefined,
    eocd64({ records: (s, b, c) => Buffer.concat([bend32(end64(c, b, s), 20), locator64(s + b)]) }),
  ),
  zip(
    'end64-bytes',
    'the two end records disagree about the length of the directory',
    'ZIP_AMBIGUOUS',
    undefined,
    eocd64({ bytes: 1, records: sound }),
  ),
  raw('zeros', 'a volume of zeros', 'ZIP_AMBIGUOUS', Buffer.alloc(100)),
  raw(
    'locator-42-bytes',
    '42 bytes: a zip64 locator that points beyond 2^53 (this ends a process that gives it to yauzl 3.4.0)',
    'ZIP_INVALID',
    Buffer.concat([locator64(beyond), u32(0x06054b50), u16(0, 0, 0xffff, 0xffff), u32(0xffffffff, 0xffffffff), u16(0)]),
    [],
  ),
  zip(
    'locator-beyond',
    'a whole archive whose zip64 locator points beyond 2^53',
    'ZIP_INVALID',
    undefined,
    eocd64({ records: (s, b, c) => Buffer.concat([end64(c, b, s), locator64(beyond + 5n)]) }),
  ),
  zip(
    'locator-elsewhere',
    'the zip64 locator does not lead to the zip64 end record',
    'ZIP_INVALID',
    undefined,
    eocd64({ records: (s, b, c) => Buffer.concat([end64(c, b, s), locator64(0)]) }),
  ),
  zip(
    'locator-disks',
    'the zip64 locator tells of two disks',
    'ZIP_INVALID',
    undefined,
    eocd64({ records: (s, b, c) => Buffer.concat([end64(c, b, s), locator64(s + b, 2)]) }),
  ),
  zip('end64-missing', 'the end record asks for a zip64 record that is not there', 'ZIP_INVALID', undefined, {
    count: 0xffff,
  }),
  zip(
    'end64-length',
    'the zip64 end record is said to be longer than it is',
    'ZIP_INVALID',
    undefined,
    eocd64({
      records: (s, b, c) => Buffer.concat([u32(0x06064b50), u64(45), end64(c, b, s).subarray(12), locator64(s + b)]),
    }),
  ),
  zip(
    'end64-count',
    'the two end records disagree about the count',
    'ZIP_COUNT',
    undefined,
    eocd64({ count: 3, records: (s, b) => Buffer.concat([end64(4, b, s), locator64(s + b)]) }),
  ),
  zip(
    'end64-contradicts-itself',
    'the zip64 end record has two counts',
    'ZIP_COUNT',
    undefined,
    eocd64({ records: (s, b) => Buffer.concat([end64(3, b, s, 2), locator64(s + b)]) }),
  ),
  zip(
    'end64-start',
    'the two end records disagree about the place of the directory',
    'ZIP_AMBIGUOUS',
    undefined,
    eocd64({ start: 1, records: sound }),
  ),
  zip(
    'end64-beyond',
    'a directory beyond 2^53',
    'ZIP_INVALID',
    undefined,
    eocd64({ records: (s, b, c) => Buffer.concat([end64(c, b, beyond), locator64(s + b)]) }),
  ),
  zip('end64-unasked', 'a zip64 end record that no field of the end record asks for', 'ZIP_GAP', undefined, {
    beforeEnd: sound,
  }),
  zip('comment', 'the archive has a comment', 'ZIP_AMBIGUOUS', undefined, { comment: Buffer.from('hello') }),
  zip('end-in-comment', 'a second end record stands in the comment of the first', 'ZIP_GAP', undefined, {
    comment: Buffer.concat([u32(0x06054b50), u16(0, 0, 0, 0), u32(0, 0), u16(0)]),
  }),
  zip('after-end', 'a byte follows the end record', 'ZIP_AMBIGUOUS', undefined, { after: Buffer.alloc(1) }),
  zip('disk', 'the end record tells of a second disk', 'ZIP_FEATURE', undefined, { disk: 1 }),
  zip('count-low', 'the directory holds one entry more than is counted', 'ZIP_COUNT', undefined, { count: 2 }),
  zip('count-high', 'the directory holds one entry less than is counted', 'ZIP_COUNT', undefined, { count: 4 }),
  zip('counts-differ', 'the two counts of the end record differ', 'ZIP_COUNT', undefined, { countHere: 2 }),
  raw('directory-cut', 'an entry of the directory reaches beyond it', 'ZIP_INVALID', longName(forgeVolume().bytes)),
];

/** The last entry of the directory claims a name that is one byte longer than the directory. */
function longName(zip: Buffer): Buffer {
  const bent = Buffer.from(zip);
  const at = bent.lastIndexOf(Buffer.from('PK\u0001\u0002')) + 28;
  bent.writeUInt16LE(bent.readUInt16LE(at) + 1, at);
  return bent;
}

const tiles = (): NamedVector[] => [
  bundleVector('zip-prefix-of-nothing', 'bytes in a volume without entries belong to nothing', '§8.3', 'ZIP_GAP', {
    volume: { bytes: forgeZip([], { beforeDirectory: Buffer.from('hidden') }).bytes, rows: [] },
  }),
  zip(
    'prefix',
    'bytes before the first entry belong to nothing',
    'ZIP_GAP',
    one(0, { before: Buffer.from('#!/bin/sh\n') }),
  ),
  zip('gap', 'bytes between two entries belong to nothing', 'ZIP_GAP', one(1, { before: Buffer.from('hidden') })),
  zip('gap-at-end', 'bytes between the last entry and the directory belong to nothing', 'ZIP_GAP', undefined, {
    beforeDirectory: Buffer.from('hidden'),
  }),
  zip('gap-after-directory', 'bytes between the directory and the end record belong to nothing', 'ZIP_GAP', undefined, {
    beforeEnd: () => Buffer.from('hidden'),
  }),
  zip('hidden-entry', 'an entry lies between two others and is not in the directory', 'ZIP_GAP', (entries) => [
    entries[0] ?? ghost(),
    { ...ghost(), hidden: true },
    ...entries.slice(1),
  ]),
  zip('hidden-entry-last', 'an entry before the directory is not in it', 'ZIP_GAP', (entries) => [
    ...entries,
    { ...ghost(), hidden: true },
  ]),
  raw(
    'concatenated',
    'two archives behind each other',
    'ZIP_GAP',
    Buffer.concat([forgeVolume().bytes, forgeVolume().bytes]),
  ),
  zip('order', 'the directory has another order than the file', 'ZIP_GAP', undefined, {
    order: (entries) => entries.toReversed(),
  }),
  zip('overlap', 'an entry begins within the one before it', 'ZIP_OVERLAP', one(1, { central: { header: 20 } })),
  zip('shared-local-header', 'two entries of the directory share one local header', 'ZIP_OVERLAP', (entries) => [
    entries[0] ?? ghost(),
    { ...ghost(), borrowed: true, central: { header: 0 } },
    ...entries.slice(1),
  ]),
  zip(
    'beyond-directory',
    'the data of an entry reach into the directory',
    'ZIP_OVERLAP',
    one(2, { central: { stored: 4000, size: 4000 }, local: { stored: 4000, size: 4000 } }),
  ),
  zip('name-duplicate', 'two entries have one name', 'NAME_DUPLICATE', (entries) => [
    ...entries,
    { ...(entries[0] ?? ghost()), data: Buffer.from('other\n') },
  ]),
];

const headers = (): NamedVector[] => [
  zip(
    'central-signature',
    'an entry of the directory begins with another number',
    'ZIP_COUNT',
    one(1, { central: { signature: 0x02014b51 } }),
  ),
  zip(
    'zip64-other-id',
    'a size of 2^32 - 1 whose number stands in another field than zip64',
    'ZIP_FEATURE',
    one(1, { central: { size: 0xffffffff, extra: Buffer.concat([u16(2, 8), u64(6)]) } }),
  ),
  zip('zip64-empty', 'a zip64 field without a number', 'ZIP_FEATURE', one(1, { central: { extra: u16(1, 0) } })),
  zip(
    'local-signature',
    'a local header begins with another number',
    'ZIP_MISMATCH',
    one(1, { local: { signature: 0x04034b51 } }),
  ),
  zip(
    'local-name',
    'local header and directory differ in the name',
    'ZIP_MISMATCH',
    one(1, { local: { name: Buffer.from('content/files/c.txt') } }),
  ),
  zip('local-size', 'local header and directory differ in the size', 'ZIP_MISMATCH', one(1, { local: { size: 7 } })),
  zip(
    'local-stored',
    'local header and directory differ in the stored length',
    'ZIP_MISMATCH',
    one(1, { local: { stored: 7 } }),
  ),
  zip('local-crc', 'local header and directory differ in the checksum', 'ZIP_MISMATCH', one(1, { local: { crc: 1 } })),
  zip(
    'local-method',
    'local header and directory differ in the method',
    'ZIP_MISMATCH',
    one(1, { local: { method: 8 } }),
  ),
  zip('local-flags', 'local header and directory differ in the flags', 'ZIP_MISMATCH', one(1, { local: { flags: 0 } })),
  zip(
    'local-descriptor',
    'only the local header tells of a data descriptor',
    'ZIP_MISMATCH',
    one(1, { local: { flags: FLAG_UTF8 | FLAG_DESCRIPTOR } }),
  ),
  zip(
    'descriptor-crc',
    'the data descriptor has another checksum',
    'ZIP_MISMATCH',
    one(1, described({ descriptor: descriptor(1, 6, 6) })),
  ),
  zip(
    'descriptor-size',
    'the data descriptor has another size',
    'ZIP_MISMATCH',
    one(1, described({ descriptor: descriptor(crc32(BRAVO), 6, 7) })),
  ),
  zip(
    'descriptor-sizes-local',
    'the local header has sizes although a data descriptor follows',
    'ZIP_MISMATCH',
    one(1, described({ local: { stored: 6, size: 6 } })),
  ),
  zip(
    'descriptor-bare',
    'the data descriptor has no signature',
    'ZIP_OVERLAP',
    one(1, described({ descriptor: u32(crc32(BRAVO), 6, 6) })),
  ),
  zip(
    'descriptor-64',
    'a data descriptor with long sizes for a short entry',
    'ZIP_GAP',
    one(1, described({ descriptor: Buffer.concat([u32(0x08074b50, crc32(BRAVO)), u64(6, 6)]) })),
  ),
  zip('flag-encrypted', 'an entry is said to be encrypted', 'ZIP_FEATURE', one(1, { flags: FLAG_UTF8 | 1 })),
  zip('flag-masked', 'the local header is said to be masked', 'ZIP_FEATURE', one(1, { flags: FLAG_UTF8 | 0x2000 })),
  zip(
    'flag-local',
    'only the local header is said to be encrypted',
    'ZIP_FEATURE',
    one(1, { local: { flags: FLAG_UTF8 | 1 } }),
  ),
  zip('method-bzip2', 'an entry is compressed by bzip2', 'ZIP_FEATURE', one(1, { method: 12 })),
  zip('method-99', 'an entry has the method 99', 'ZIP_FEATURE', one(1, { method: 99 })),
  zip(
    'extra-unicode-path',
    'an extra field gives the entry another name',
    'ZIP_FEATURE',
    one(1, { central: { extra: Buffer.concat([u16(0x7075, 14), Buffer.alloc(5), Buffer.from('other.txt')]) } }),
  ),
  zip(
    'extra-time',
    'an extra field with a time stands in a local header',
    'ZIP_FEATURE',
    one(1, { local: { extra: Buffer.concat([u16(0x5455, 5), Buffer.from([1]), u32(0)]) } }),
  ),
  zip(
    'extra-overrun',
    'an extra field is said to be longer than it is',
    'ZIP_FEATURE',
    one(1, { central: { extra: u16(1, 24) } }),
  ),
  zip(
    'zip64-needless',
    'a zip64 field that no other field asks for',
    'ZIP_FEATURE',
    one(1, { central: { extra: Buffer.concat([u16(1, 8), u64(6)]) } }),
  ),
  zip(
    'zip64-missing',
    'a size of 2^32 - 1 without a zip64 field',
    'ZIP_FEATURE',
    one(1, { central: { size: 0xffffffff } }),
  ),
  zip(
    'zip64-short',
    'a zip64 field that has fewer numbers than are asked for',
    'ZIP_FEATURE',
    one(1, { central: { size: 0xffffffff, stored: 0xffffffff, extra: Buffer.concat([u16(1, 8), u64(6)]) } }),
  ),
  zip(
    'zip64-beyond',
    'a size beyond 2^53',
    'ZIP_INVALID',
    one(1, { central: { size: 0xffffffff, extra: Buffer.concat([u16(1, 8), u64(beyond)]) } }),
  ),
  zip('entry-comment', 'an entry has a comment', 'ZIP_FEATURE', one(1, { comment: Buffer.from('hello') })),
  zip('entry-disk', 'an entry is said to lie on another disk', 'ZIP_FEATURE', one(1, { disk: 1 })),
  zip('entry-link', 'an entry is a symbolic link', 'ENTRY_TYPE', one(1, { attributes: (0o120777 << 16) >>> 0 })),
  zip(
    'entry-folder',
    'an entry is a folder with data',
    'ENTRY_TYPE',
    one(1, { attributes: ((0o40755 << 16) | 0x10) >>> 0 }),
  ),
  zip('entry-device', 'an entry is a device', 'ENTRY_TYPE', one(1, { attributes: (0o60600 << 16) >>> 0 })),
  zip('name-not-utf8', 'a name is not UTF-8', 'ZIP_FEATURE', one(1, { central: { name: Buffer.from([0x62, 0xff]) } })),
  zip(
    'name-unmarked',
    'a name beyond ASCII is not marked as UTF-8',
    'ZIP_FEATURE',
    one(1, { flags: 0, central: { name: Buffer.from('content/files/ü.txt') } }),
  ),
  zip('stored-sizes', 'a stored entry with two different sizes', 'ENTRY_SIZE', one(1, { size: 7 })),
];

// Deflate streams written by hand (RFC 1951), so that no version of zlib changes the vectors.
const storedBlock = (data: Buffer): Buffer =>
  Buffer.concat([Buffer.from([1]), u16(data.length, data.length ^ 0xffff), data]);

function deflated(name: string, says: string, expect: string, stream: Buffer, size = 6): NamedVector {
  const entries = one(1, { data: stream, method: 8, size, crc: crc32(BRAVO) })(plainEntries());
  const { bytes, data } = forgeZip(entries);
  const rows = OBJECTS.map((object, i) => {
    const row = rowOf(object, data[i] ?? 0);
    return i === 1 ? ({ ...row, size, stored: stream.length, method: 'deflated' } as IndexRow) : row;
  });
  return bundleVector(`deflate-${name}`, says, '§8.5', expect, { volume: { bytes, rows } });
}

const inflations = (): NamedVector[] => [
  { ...deflated('ok', 'a deflated object', 'ok', storedBlock(BRAVO)), name: 'accepts-deflated' },
  deflated(
    'longer',
    'an object inflates to more than is signed',
    'ENTRY_SIZE',
    storedBlock(Buffer.from('bravo bravo\n')),
  ),
  deflated('shorter', 'an object inflates to less than is signed', 'ENTRY_SIZE', storedBlock(Buffer.from('bra\n'))),
  deflated(
    'trailing',
    'bytes follow the end of the deflated data',
    'ZIP_GAP',
    Buffer.concat([storedBlock(BRAVO), Buffer.from('hidden')]),
  ),
  deflated('cut', 'the deflated data have no end', 'ENTRY_SIZE', storedBlock(BRAVO).subarray(0, -2)),
  deflated('garbage', 'the data are no deflated data', 'ENTRY_SIZE', Buffer.from([7, 255, 255, 255])),
];

const withRows = (
  name: string,
  says: string,
  expect: string,
  volume: ForgedVolume,
  change: (rows: readonly IndexRow[]) => readonly IndexRow[],
): NamedVector =>
  bundleVector(name, says, '§8.5', expect, { volume: { bytes: volume.bytes, rows: change(volume.rows) } });
const bendRow =
  (n: number, change: Partial<IndexRow>) =>
  (rows: readonly IndexRow[]): readonly IndexRow[] =>
    rows.map((row, i) => (i === n ? ({ ...row, ...change } as IndexRow) : row));

const walks = (): NamedVector[] => [
  bundleVector('walk-unlisted', 'a volume has an entry that the index does not name', '§8.5', 'ENTRY_UNLISTED', {
    volume: forgeVolume((entries) => [...entries, ghost()]),
  }),
  bundleVector('walk-missing', 'the index names an entry that no volume has', '§8.5', 'ENTRY_MISSING', {
    volume: { bytes: forgeVolume((entries) => entries.slice(0, 2)).bytes, rows: rowsOfPlain() },
  }),
  withRows(
    'walk-offset',
    'the index says that an entry lies one byte further',
    'ZIP_MISMATCH',
    forgeVolume(),
    bendRow(2, { offset: (rowsOfPlain()[2]?.offset ?? 0) + 1 }),
  ),
  withRows(
    'walk-size',
    'the index says that an object is shorter',
    'ZIP_MISMATCH',
    forgeVolume(),
    bendRow(1, { size: 5, stored: 5 }),
  ),
  withRows(
    'walk-method',
    'the index says that a stored object is deflated',
    'ZIP_MISMATCH',
    forgeVolume(),
    bendRow(1, { method: 'deflated' }),
  ),
  withRows(
    'walk-name',
    'the index gives an entry another name',
    'ENTRY_UNLISTED',
    forgeVolume(),
    bendRow(1, { entry: 'content/files/bb.txt' }),
  ),
  bundleVector('walk-object', 'an object is not the one that the index and the inventory name', '§8.5', 'ENTRY_HASH', {
    volume: { bytes: forgeVolume(one(1, { data: Buffer.from('BRAVO\n') })).bytes, rows: rowsOfPlain() },
  }),
];

const PACK = 'packs/files-0001.zip';
interface PackForgery {
  readonly bend?: (entries: ForgedEntry[]) => readonly ForgedEntry[];
  readonly end?: ForgedEnd;
  readonly outer?: Partial<ForgedEntry>;
  readonly rows?: (rows: readonly IndexRow[]) => readonly IndexRow[];
}
export function forgePack({ bend, end, outer, rows }: PackForgery = {}): ForgedVolume {
  const members = (bend ?? ((same: ForgedEntry[]) => same))(plainEntries());
  const pack = forgeZip(members, end);
  const { bytes, data } = forgeZip([{ name: PACK, data: pack.bytes, ...outer }]);
  const start = data[0] ?? 0;
  const found = OBJECTS.flatMap((object) => {
    const at = members.findIndex((entry) => entry.name === entryOf(object));
    const offset = start + (pack.data[at] ?? 0);
    return at === -1
      ? []
      : [{ ...rowOf(object, offset), kind: 'packed', entry: PACK, member: entryOf(object) } as IndexRow];
  });
  return { bytes, rows: (rows ?? ((same) => same))(found) };
}
const packed = (name: string, says: string, expect: string, forgery: PackForgery): NamedVector =>
  bundleVector(`pack-${name}`, says, '§8.4', expect, { volume: forgePack(forgery) });

const packs = (): NamedVector[] => [
  packed('member-name', 'the index gives a member another name', 'ENTRY_UNLISTED', {
    rows: bendRow(1, { member: 'content/files/bb.txt' } as Partial<IndexRow>),
  }),
  packed('short', 'a pack is shorter than an end record', 'ZIP_INVALID', { outer: { data: Buffer.alloc(10) } }),
  packed('member-unlisted', 'a pack has a member that the index does not name', 'ENTRY_UNLISTED', {
    bend: (entries) => [...entries, ghost()],
  }),
  packed('member-missing', 'the index names a member that the pack does not have', 'ENTRY_MISSING', {
    rows: (rows) => [
      ...rows,
      {
        ...(rows[2] as IndexRow),
        sha256: sha256Of(Buffer.from('x')),
        offset: 100_000,
        member: 'content/files/z.txt',
      } as IndexRow,
    ],
  }),
  packed('empty', 'a pack has no members', 'ENTRY_MISSING', { bend: () => [], rows: () => forgePack().rows }),
  packed('member-elsewhere', 'a member lies one byte before the place in the index', 'ZIP_MISMATCH', {
    rows: bendRow(2, { offset: (forgePack().rows[2]?.offset ?? 0) + 1 }),
  }),
  packed('member-local-name', 'local header and directory of a pack differ in a name', 'ZIP_MISMATCH', {
    bend: one(1, { local: { name: Buffer.from('content/files/c.txt') } }),
  }),
  packed('member-crc-local', 'local header and directory of a pack differ in a checksum', 'ZIP_MISMATCH', {
    bend: one(0, { local: { crc: 9 } }),
  }),
  packed('member-duplicate', 'two members of a pack have one name', 'NAME_DUPLICATE', {
    bend: (entries) => [...entries, { ...(entries[0] ?? ghost()), data: Buffer.from('other\n') }],
  }),
  packed('member-link', 'a member of a pack is a symbolic link', 'ENTRY_TYPE', {
    bend: one(1, { attributes: (0o120777 << 16) >>> 0 }),
  }),
  packed('gap', 'bytes within a pack belong to nothing', 'ZIP_GAP', {
    bend: one(1, { before: Buffer.from('hidden') }),
  }),
  packed('leaves', 'the directory of a pack is said to lie outside it', 'ZIP_GAP', { end: { start: 0x7fffffff } }),
  packed('no-zip', 'a pack is no ZIP file', 'ZIP_AMBIGUOUS', { outer: { data: Buffer.alloc(700) } }),
  packed('object', 'a member is not the object that the index names', 'ENTRY_HASH', {
    bend: one(1, { data: Buffer.from('BRAVO\n') }),
  }),
  packed('deflated', 'a pack is itself deflated', 'ZIP_FEATURE', { outer: { method: 8 } }),
];

const head = (
  name: string,
  says: string,
  expect: string,
  make: (documents: readonly ForgedEntry[]) => Buffer,
): NamedVector => bundleVector(`head-${name}`, says, '§8.6', expect, { head: make });
const first = (documents: readonly ForgedEntry[], change: (entry: ForgedEntry) => Partial<ForgedEntry>): Buffer =>
  forgeZip(documents.map((entry, i) => (i === 0 ? { ...entry, ...change(entry) } : entry))).bytes;

const heads = (): NamedVector[] => [
  head(
    'entry-unlisted',
    'the head has an entry that the manifest does not name',
    'ENTRY_UNLISTED',
    (documents) => forgeZip([...documents, ghost()]).bytes,
  ),
  head(
    'entry-missing',
    'the head lacks the index',
    'ENTRY_MISSING',
    (documents) => forgeZip(documents.slice(0, 1)).bytes,
  ),
  head(
    'order',
    'the documents of the head stand in another order',
    'ENTRY_UNLISTED',
    (documents) => forgeZip(documents.toReversed()).bytes,
  ),
  head('size', 'an inventory is longer than signed', 'ENTRY_SIZE', (documents) =>
    first(documents, ({ data }) => ({ data: Buffer.concat([data, Buffer.from('\n')]) })),
  ),
  head('hash', 'an inventory is not the signed one', 'ENTRY_HASH', (documents) =>
    first(documents, ({ data }) => ({ data: Buffer.from(data.toString().replace('a.txt', 'c.txt')) })),
  ),
  head(
    'gap',
    'bytes between two documents belong to nothing',
    'ZIP_GAP',
    (documents) =>
      forgeZip(documents.map((entry, i) => (i === 1 ? { ...entry, before: Buffer.from('hidden') } : entry))).bytes,
  ),
  head(
    'locator-42-bytes',
    '42 bytes in the place of the head: a zip64 locator that points beyond 2^53',
    'ZIP_INVALID',
    () =>
      Buffer.concat([
        locator64(beyond),
        u32(0x06054b50),
        u16(0, 0, 0xffff, 0xffff),
        u32(0xffffffff, 0xffffffff),
        u16(0),
      ]),
  ),
  head('local-name', 'local header and directory of the head differ in a name', 'ZIP_MISMATCH', (documents) =>
    first(documents, () => ({ local: { name: Buffer.from('inventory/filez.ndjson') } })),
  ),
  head('deflate-longer', 'an inventory inflates to more than is signed', 'ENTRY_SIZE', (documents) =>
    first(documents, ({ data }) => ({
      data: storedBlock(Buffer.concat([data, Buffer.from('\n')])),
      method: 8,
      size: data.length,
      crc: crc32(data),
    })),
  ),
  head('deflate-shorter', 'an inventory inflates to less than is signed', 'ENTRY_SIZE', (documents) =>
    first(documents, ({ data }) => ({
      data: storedBlock(data.subarray(1)),
      method: 8,
      size: data.length,
      crc: crc32(data),
    })),
  ),
  head('deflate-trailing', 'bytes follow the end of a deflated inventory', 'ZIP_GAP', (documents) =>
    first(documents, ({ data }) => ({
      data: Buffer.concat([storedBlock(data), Buffer.from('hidden')]),
      method: 8,
      size: data.length,
      crc: crc32(data),
    })),
  ),
  head('deflate-garbage', 'an inventory cannot be inflated', 'ENTRY_SIZE', (documents) =>
    first(documents, ({ data }) => ({
      data: Buffer.from([7, 255, 255]),
      method: 8,
      size: data.length,
      crc: crc32(data),
    })),
  ),
  {
    ...head('ok', 'a deflated inventory', 'ok', (documents) =>
      first(documents, ({ data }) => ({ data: storedBlock(data), method: 8, size: data.length, crc: crc32(data) })),
    ),
    name: 'accepts-deflated-head',
  },
];

const accepted = (): NamedVector[] => [
  { ...zip('x', 'a data descriptor that tells the truth', 'ok', one(1, described({}))), name: 'accepts-descriptor' },
  {
    ...zip(
      'x',
      'a zip64 end record that is asked for, though the file is small',
      'ok',
      undefined,
      eocd64({ records: sound }),
    ),
    name: 'accepts-zip64-end',
  },
  {
    ...zip(
      'x',
      'zip64 fields that are asked for, though the entry is small',
      'ok',
      one(1, { central: { size: 0xffffffff, stored: 0xffffffff, extra: Buffer.concat([u16(1, 16), u64(6, 6)]) } }),
    ),
    name: 'accepts-zip64-entry',
  },
  { ...zip('x', 'attributes of another system', 'ok', one(1, { attributes: 0x20 })), name: 'accepts-dos-attributes' },
  {
    ...zip('x', 'a wrong checksum, told alike everywhere: the digest decides', 'ok', one(1, { crc: 12345 })),
    name: 'accepts-wrong-crc',
  },
];

export const volumeVectors = (): NamedVector[] => [
  ...damaged(),
  ...ends(),
  ...tiles(),
  ...headers(),
  ...inflations(),
  ...walks(),
  ...packs(),
  ...heads(),
  ...accepted(),
];
