/**
 * The ZIP records that a bundle may contain, read strictly (format §8.3). Layouts: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16; numbers are little-endian.
 *
 * The general readers of ZIP trust the central directory and ignore the rest; two of them can see two different files in one archive.
 * Here every byte has to belong to exactly one record, and the records have to agree, before anybody else looks at the file.
 */
import { Damaged, Refused, type DamagedCode } from './errors.ts';
import { LIMITS } from './limits.ts';

/** Access to bytes that were checked. The view is valid until the next call. */
export interface ZipBytes {
  readonly name: string;
  readonly bytes: number;
  read(position: number, length: number): Uint8Array;
}

export interface ZipEntry {
  readonly name: string;
  readonly method: 'stored' | 'deflated';
  readonly crc32: number;
  /** Bytes in the file. */
  readonly stored: number;
  /** Bytes after inflation. */
  readonly size: number;
  /** Where the local header begins. */
  readonly header: number;
  /** The first byte after the entry: where the next header begins, or the central directory. */
  readonly end: number;
  /** General purpose bits. */
  readonly flags: number;
  readonly hasDescriptor: boolean;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const DESCRIPTOR = 0x08074b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const END_BYTES = 22;
const LOCATOR64_BYTES = 20;
const END64_BYTES = 56;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const FLAG_DESCRIPTOR = 0x0008;
const FLAG_UTF8 = 0x0800;
const EXTRA_ZIP64 = 0x0001;
const MAX16 = 0xffff;
const MAX32 = 0xffffffff;

const fail = (zip: ZipBytes, code: DamagedCode, why: string): never => {
  throw new Damaged(code, `${zip.name}: ${why}`, { facts: { file: zip.name } });
};

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function u64(data: DataView, at: number, zip: ZipBytes): number {
  const value = data.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail(zip, 'ZIP_INVALID', 'a number is beyond 2^53');
  return Number(value);
}

interface Directory {
  readonly start: number;
  readonly bytes: number;
  readonly count: number;
  /** The first byte after the central directory. */
  readonly end: number;
}

/** One end record, at the very end, without comment; with its zip64 companion if and only if a field asks for it. */
function readEnd(zip: ZipBytes): Directory {
  if (zip.bytes < END_BYTES) fail(zip, 'ZIP_INVALID', 'is too short for a ZIP file');
  const at = zip.bytes - END_BYTES;
  const end = view(zip.read(at, END_BYTES));
  if (end.getUint32(0, true) !== END || end.getUint16(20, true) !== 0)
    fail(zip, 'ZIP_AMBIGUOUS', 'does not end with an end record without comment');
  if (end.getUint16(4, true) !== 0 || end.getUint16(6, true) !== 0) fail(zip, 'ZIP_FEATURE', 'is said to span disks');
  const counts = [end.getUint16(8, true), end.getUint16(10, true)] as const;
  const small: Directory = {
    count: counts[1],
    bytes: end.getUint32(12, true),
    start: end.getUint32(16, true),
    end: at,
  };
  if (counts[0] !== counts[1]) fail(zip, 'ZIP_COUNT', 'its end record contradicts itself');
  const wantsMore = small.count === MAX16 || small.bytes === MAX32 || small.start === MAX32;
  return wantsMore ? readEnd64(zip, at, small) : small;
}

function readEnd64(zip: ZipBytes, end: number, small: Directory): Directory {
  const at = end - LOCATOR64_BYTES - END64_BYTES;
  if (at < 0) fail(zip, 'ZIP_INVALID', 'has no zip64 end record');
  const both = view(zip.read(at, END64_BYTES + LOCATOR64_BYTES));
  const isLocator =
    both.getUint32(END64_BYTES, true) === LOCATOR64 &&
    both.getUint32(END64_BYTES + 4, true) === 0 &&
    both.getUint32(END64_BYTES + 16, true) === 1;
  if (!isLocator || u64(both, END64_BYTES + 8, zip) !== at)
    fail(zip, 'ZIP_INVALID', 'its zip64 locator does not lead to the zip64 end record');
  if (both.getUint32(0, true) !== END64 || u64(both, 4, zip) !== END64_BYTES - 12)
    fail(zip, 'ZIP_INVALID', 'its zip64 end record is malformed');
  if (both.getUint32(16, true) !== 0 || both.getUint32(20, true) !== 0)
    fail(zip, 'ZIP_FEATURE', 'is said to span disks');
  const large: Directory = { count: u64(both, 32, zip), bytes: u64(both, 40, zip), start: u64(both, 48, zip), end: at };
  if (u64(both, 24, zip) !== large.count) fail(zip, 'ZIP_COUNT', 'its zip64 end record contradicts itself');
  const agrees = (short: number, max: number, long: number): boolean => short === max || short === long;
  if (!agrees(small.count, MAX16, large.count)) fail(zip, 'ZIP_COUNT', 'its two end records disagree about the count');
  if (!agrees(small.bytes, MAX32, large.bytes) || !agrees(small.start, MAX32, large.start))
    fail(zip, 'ZIP_AMBIGUOUS', 'its two end records disagree');
  return large;
}

/**
 * Reads the central directory and shows that, going by it, entries tile the file from its first byte to the directory.
 * Local headers are compared by `checkLocalHeader` when the reader comes to them, so that a volume is read once and forward.
 * @throws Damaged ZIP_*; Refused ENTRY_TYPE, NAME_DUPLICATE
 */
export function readZipDirectory(zip: ZipBytes): ZipEntry[] {
  const directory = readEnd(zip);
  if (directory.count > LIMITS.entries) fail(zip, 'ZIP_COUNT', `has more than ${LIMITS.entries} entries`);
  if (directory.bytes > LIMITS.directoryBytes)
    fail(zip, 'ZIP_COUNT', 'its central directory is larger than any good one');
  if (directory.start + directory.bytes !== directory.end)
    fail(zip, 'ZIP_GAP', 'its central directory does not end where the end record begins');
  const raw = Buffer.from(zip.read(directory.start, directory.bytes));
  const entries: CentralEntry[] = [];
  let at = 0;
  for (let i = 0; i < directory.count; i++) {
    const entry = readCentral(zip, raw, at);
    entries.push(entry);
    at += entry.recordBytes;
  }
  if (at !== raw.length) fail(zip, 'ZIP_COUNT', 'its central directory holds more or less than is counted');
  requireDistinct(zip, entries);
  return tile(zip, entries, directory.start);
}

/** Of two entries with one name a scanner would see only the other. */
function requireDistinct(zip: ZipBytes, entries: readonly { readonly name: string }[]): void {
  const names = new Set<string>();
  for (const { name } of entries) {
    if (names.has(name))
      throw new Refused('NAME_DUPLICATE', `${zip.name}: two entries are called ${JSON.stringify(name)}`, {
        facts: { file: zip.name, entry: name },
      });
    names.add(name);
  }
}

type CentralEntry = Omit<ZipEntry, 'end'> & { readonly recordBytes: number; readonly nameBytes: number };

function readCentral(zip: ZipBytes, raw: Buffer, at: number): CentralEntry {
  if (at + CENTRAL_BYTES > raw.length || raw.readUInt32LE(at) !== CENTRAL)
    fail(zip, 'ZIP_COUNT', 'its central directory holds less than is counted');
  const flags = raw.readUInt16LE(at + 8);
  const [nameBytes, extraBytes, commentBytes] = [
    raw.readUInt16LE(at + 28),
    raw.readUInt16LE(at + 30),
    raw.readUInt16LE(at + 32),
  ] as const;
  const recordBytes = CENTRAL_BYTES + nameBytes + extraBytes + commentBytes;
  if (at + recordBytes > raw.length) fail(zip, 'ZIP_INVALID', 'an entry of its central directory is cut off');
  const name = readName(zip, raw.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes), flags);
  if (commentBytes !== 0) fail(zip, 'ZIP_FEATURE', `entry ${JSON.stringify(name)} has a comment`);
  if (raw.readUInt16LE(at + 34) !== 0)
    fail(zip, 'ZIP_FEATURE', `entry ${JSON.stringify(name)} is said to lie on another disk`);
  if (!isOrdinaryFile(raw.readUInt32LE(at + 38)))
    throw new Refused('ENTRY_TYPE', `${zip.name}: entry ${JSON.stringify(name)} is not an ordinary file`, {
      facts: { file: zip.name, entry: name },
    });
  const short = {
    size: raw.readUInt32LE(at + 24),
    stored: raw.readUInt32LE(at + 20),
    header: raw.readUInt32LE(at + 42),
  };
  const extra = raw.subarray(at + CENTRAL_BYTES + nameBytes, at + recordBytes);
  const { size, stored, header } = widen(zip, name, short, extra);
  return {
    name,
    nameBytes,
    size,
    stored,
    header,
    recordBytes,
    method: readMethod(zip, name, raw.readUInt16LE(at + 10)),
    crc32: raw.readUInt32LE(at + 16),
    flags: readFlags(zip, name, flags),
    hasDescriptor: (flags & FLAG_DESCRIPTOR) !== 0,
  };
}

const TYPE_MASK = 0o170000;
const ORDINARY = 0o100000;
const DOS_FOLDER = 0x10;
/** External attributes: Unix type and mode above, DOS attributes below. Other tools would make links or folders of what is none here. */
const isOrdinaryFile = (attributes: number): boolean =>
  [0, ORDINARY].includes((attributes >>> 16) & TYPE_MASK) && (attributes & DOS_FOLDER) === 0;

/** The only extra field is zip64 (APPNOTE 4.5.3), with exactly the values whose short form is full, in this order. */
function widen<S extends { size: number; stored: number; header: number }>(
  zip: ZipBytes,
  name: string,
  short: S,
  extra: Buffer,
): S {
  const keys = (['size', 'stored', 'header'] as const).filter((key) => short[key] === MAX32);
  if (extra.length === 0 && keys.length === 0) return short;
  const isZip64 =
    extra.length >= 4 && extra.readUInt16LE(0) === EXTRA_ZIP64 && extra.readUInt16LE(2) === extra.length - 4;
  if (!isZip64 || keys.length === 0 || extra.length - 4 !== keys.length * 8)
    fail(zip, 'ZIP_FEATURE', `entry ${JSON.stringify(name)} has an extra field other than the zip64 one that it needs`);
  return { ...short, ...Object.fromEntries(keys.map((key, i) => [key, u64(view(extra), 4 + i * 8, zip)])) };
}

function readName(zip: ZipBytes, raw: Uint8Array, flags: number): string {
  const name = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('utf8');
  if (!Buffer.from(name).equals(raw)) fail(zip, 'ZIP_FEATURE', 'a name is not UTF-8');
  // oxlint-disable-next-line no-control-regex
  if ((flags & FLAG_UTF8) === 0 && /[^\u0000-\u007f]/.test(name))
    fail(zip, 'ZIP_FEATURE', 'a name beyond ASCII is not marked as UTF-8');
  return name;
}

function readMethod(zip: ZipBytes, name: string, method: number): 'stored' | 'deflated' {
  if (method === 0) return 'stored';
  if (method === 8) return 'deflated';
  return fail(zip, 'ZIP_FEATURE', `entry ${JSON.stringify(name)} has the unknown method ${method}`);
}

function readFlags(zip: ZipBytes, name: string, flags: number): number {
  if ((flags & ~(FLAG_DESCRIPTOR | FLAG_UTF8)) !== 0)
    fail(zip, 'ZIP_FEATURE', `entry ${JSON.stringify(name)} has the flags 0x${flags.toString(16)}`);
  return flags;
}

const descriptorBytes = (entry: {
  readonly size: number;
  readonly stored: number;
  readonly hasDescriptor: boolean;
}): number => (entry.hasDescriptor ? (entry.size > MAX32 || entry.stored > MAX32 ? 24 : 16) : 0);

/** Entries lie in the order of the directory, each beginning where the one before ended. A local header has the name and no extra field, or the zip64 one. */
function tile(zip: ZipBytes, entries: readonly CentralEntry[], directoryStart: number): ZipEntry[] {
  let at = 0;
  const tiled = entries.map(({ recordBytes: _record, nameBytes, ...entry }, i): ZipEntry => {
    if (entry.header !== at)
      fail(
        zip,
        entry.header < at ? 'ZIP_OVERLAP' : 'ZIP_GAP',
        `entry ${JSON.stringify(entry.name)} begins at ${entry.header}, not at ${at}`,
      );
    // The length of the local extra field is known only there; it is 0 unless the next header tells otherwise, and checkLocalHeader compares.
    const next = entries[i + 1]?.header ?? directoryStart;
    const least = at + LOCAL_BYTES + nameBytes + entry.stored + descriptorBytes(entry);
    if (next < least) fail(zip, 'ZIP_OVERLAP', `entry ${JSON.stringify(entry.name)} reaches into what follows it`);
    at = next;
    return { ...entry, end: next };
  });
  if (at !== directoryStart) fail(zip, 'ZIP_GAP', 'bytes before the central directory belong to no entry');
  return tiled;
}

/**
 * Compares the local header and the data descriptor of an entry with the directory, and shows that they and the data fill the entry exactly.
 * @returns where the data begin
 */
export function checkLocalHeader(zip: ZipBytes, entry: ZipEntry): number {
  const fixed = Buffer.from(zip.read(entry.header, LOCAL_BYTES));
  const differs = (what: string): never =>
    fail(
      zip,
      'ZIP_MISMATCH',
      `entry ${JSON.stringify(entry.name)}: local header and central directory differ in ${what}`,
    );
  if (fixed.readUInt32LE(0) !== LOCAL) differs('the signature of the record');
  const flags = readFlags(zip, entry.name, fixed.readUInt16LE(6));
  const [nameBytes, extraBytes] = [fixed.readUInt16LE(26), fixed.readUInt16LE(28)] as const;
  const rest = Buffer.from(zip.read(entry.header + LOCAL_BYTES, nameBytes + extraBytes));
  if (readName(zip, rest.subarray(0, nameBytes), flags) !== entry.name) differs('the name');
  if (readMethod(zip, entry.name, fixed.readUInt16LE(8)) !== entry.method) differs('the method');
  if (flags !== entry.flags) differs('the flags');
  const short = { size: fixed.readUInt32LE(22), stored: fixed.readUInt32LE(18), header: 0 };
  const { size, stored } = widen(zip, entry.name, short, rest.subarray(nameBytes));
  const said = { crc32: fixed.readUInt32LE(14), size, stored };
  const expected = entry.hasDescriptor ? { crc32: 0, size: 0, stored: 0 } : entry;
  if (said.crc32 !== expected.crc32 || said.size !== expected.size || said.stored !== expected.stored)
    differs('checksum or sizes');
  const data = entry.header + LOCAL_BYTES + nameBytes + extraBytes;
  if (data + entry.stored + descriptorBytes(entry) !== entry.end)
    fail(zip, 'ZIP_GAP', `bytes after entry ${JSON.stringify(entry.name)} belong to no entry`);
  if (entry.method === 'stored' && entry.size !== entry.stored)
    fail(zip, 'ENTRY_SIZE', `entry ${JSON.stringify(entry.name)} is stored, yet its two sizes differ`);
  return data;
}

/** The descriptor repeats checksum and sizes after the data (APPNOTE 4.3.9). Called when the reader has come there. */
export function checkDescriptor(zip: ZipBytes, entry: ZipEntry): void {
  const length = descriptorBytes(entry);
  if (length === 0) return;
  const data = view(zip.read(entry.end - length, length));
  const [stored, size] =
    length === 24 ? [u64(data, 8, zip), u64(data, 16, zip)] : [data.getUint32(8, true), data.getUint32(12, true)];
  if (
    data.getUint32(0, true) !== DESCRIPTOR ||
    data.getUint32(4, true) !== entry.crc32 ||
    stored !== entry.stored ||
    size !== entry.size
  )
    fail(
      zip,
      'ZIP_MISMATCH',
      `entry ${JSON.stringify(entry.name)}: its data descriptor and the central directory differ`,
    );
}

/** A stretch of a ZIP file that is itself a ZIP file: a pack. */
export const within = (zip: ZipBytes, name: string, start: number, bytes: number): ZipBytes => ({
  name,
  bytes,
  read: (position, length) => {
    if (position < 0 || position + length > bytes)
      fail(zip, 'ZIP_INVALID', `something in ${name} is said to lie outside it`);
    return zip.read(start + position, length);
  },
});
