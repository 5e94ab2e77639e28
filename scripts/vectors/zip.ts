/** Writes ZIP files in which any field can lie. Layouts: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16. */
import { crc32 } from 'node:zlib';

export interface HeaderFields {
  readonly signature?: number;
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  readonly stored?: number;
  readonly size?: number;
  readonly name?: Buffer;
  readonly extra?: Buffer;
}
export interface ForgedEntry {
  readonly name: string;
  /** The stored bytes. */
  readonly data: Buffer;
  readonly size?: number;
  readonly crc?: number;
  readonly method?: number;
  readonly flags?: number;
  readonly attributes?: number;
  readonly comment?: Buffer;
  readonly disk?: number;
  /** What only one of the two headers says. */
  readonly local?: HeaderFields;
  readonly central?: HeaderFields & { readonly header?: number };
  readonly descriptor?: Buffer;
  /** Bytes before the local header that no record owns. */
  readonly before?: Buffer;
  /** Bytes after data and descriptor that no record owns. */
  readonly after?: Buffer;
  readonly hidden?: boolean;
  /** No local header and no data of its own. */
  readonly borrowed?: boolean;
}
export interface ForgedEnd {
  readonly beforeDirectory?: Buffer;
  readonly inDirectory?: Buffer;
  readonly beforeEnd?: (directoryStart: number, directoryBytes: number, count: number) => Buffer;
  readonly disk?: number;
  readonly countHere?: number;
  readonly count?: number;
  readonly bytes?: number;
  readonly start?: number;
  readonly directoryDisk?: number;
  readonly comment?: Buffer;
  /** What is claimed. */
  readonly commentBytes?: number;
  readonly after?: Buffer;
  /** Order of the central directory. */
  readonly order?: (entries: readonly number[]) => readonly number[];
}
export interface ForgedZip {
  readonly bytes: Buffer;
  /** Where the data of each entry begin. */
  readonly data: readonly number[];
}

export const ORDINARY = (0o100644 << 16) >>> 0;
export const FLAG_UTF8 = 0x0800;
export const FLAG_DESCRIPTOR = 0x0008;
const DATE = 0x21;
const NONE = Buffer.alloc(0);

export const u16 = (...values: number[]): Buffer => Buffer.concat(values.map((value) => pack(2, BigInt(value))));
export const u32 = (...values: number[]): Buffer => Buffer.concat(values.map((value) => pack(4, BigInt(value))));
export const u64 = (...values: (number | bigint)[]): Buffer =>
  Buffer.concat(values.map((value) => pack(8, BigInt(value))));
function pack(bytes: number, value: bigint): Buffer {
  const whole = Buffer.alloc(8);
  whole.writeBigUInt64LE(value);
  return whole.subarray(0, bytes);
}

export const descriptor = (crc: number, stored: number, size: number): Buffer => u32(0x08074b50, crc, stored, size);

export function forgeZip(entries: readonly ForgedEntry[], end: ForgedEnd = {}): ForgedZip {
  const body: Buffer[] = [];
  const headers: number[] = [];
  const data: number[] = [];
  let at = 0;
  const put = (bytes: Buffer): void => {
    body.push(bytes);
    at += bytes.length;
  };
  for (const entry of entries) {
    put(entry.before ?? NONE);
    headers.push(at);
    if (entry.borrowed !== true) put(localHeader(entry));
    data.push(at);
    if (entry.borrowed !== true) put(Buffer.concat([entry.data, entry.descriptor ?? NONE, entry.after ?? NONE]));
  }
  put(end.beforeDirectory ?? NONE);
  const start = at;
  const seen = entries.map((_, i) => i).filter((i) => entries[i]?.hidden !== true);
  const order = (end.order ?? ((same) => same))(seen);
  for (const i of order) {
    const entry = entries[i];
    if (entry !== undefined) put(centralHeader(entry, headers[i] ?? 0));
  }
  put(end.inDirectory ?? NONE);
  const bytes = at - start;
  put(end.beforeEnd?.(start, bytes, order.length) ?? NONE);
  const comment = end.comment ?? NONE;
  const count = end.count ?? order.length;
  put(u32(0x06054b50));
  put(u16(end.disk ?? 0, end.directoryDisk ?? 0, end.countHere ?? count, count));
  put(u32(end.bytes ?? bytes, end.start ?? start));
  put(u16(end.commentBytes ?? comment.length));
  put(comment);
  put(end.after ?? NONE);
  return { bytes: Buffer.concat(body), data };
}

const fieldsOf = (entry: ForgedEntry, more: HeaderFields | undefined): Required<HeaderFields> => ({
  signature: 0,
  flags: entry.flags ?? FLAG_UTF8,
  method: entry.method ?? 0,
  crc: entry.crc ?? crc32(entry.data),
  stored: entry.data.length,
  size: entry.size ?? entry.data.length,
  name: Buffer.from(entry.name),
  extra: NONE,
  ...more,
});

function common(fields: Required<HeaderFields>): Buffer {
  return Buffer.concat([
    u16(20, fields.flags, fields.method, 0, DATE),
    u32(fields.crc, fields.stored, fields.size),
    u16(fields.name.length, fields.extra.length),
  ]);
}

function localHeader(entry: ForgedEntry): Buffer {
  const zero = entry.descriptor === undefined ? {} : { crc: 0, stored: 0, size: 0 };
  const fields = { ...fieldsOf(entry, { ...zero, ...entry.local }) };
  return Buffer.concat([u32(entry.local?.signature ?? 0x04034b50), common(fields), fields.name, fields.extra]);
}

function centralHeader(entry: ForgedEntry, header: number): Buffer {
  const fields = fieldsOf(entry, entry.central);
  const comment = entry.comment ?? NONE;
  return Buffer.concat([
    u32(entry.central?.signature ?? 0x02014b50),
    u16((3 << 8) | 20),
    common(fields),
    u16(comment.length, entry.disk ?? 0, 0),
    u32(entry.attributes ?? ORDINARY, entry.central?.header ?? header),
    fields.name,
    fields.extra,
    comment,
  ]);
}

export const end64 = (
  count: number | bigint,
  bytes: number | bigint,
  start: number | bigint,
  countHere = count,
): Buffer => Buffer.concat([u32(0x06064b50), u64(44), u16(45, 45), u32(0, 0), u64(countHere, count, bytes, start)]);
export const locator64 = (at: number | bigint, disks = 1): Buffer =>
  Buffer.concat([u32(0x07064b50, 0), u64(at), u32(disks)]);
