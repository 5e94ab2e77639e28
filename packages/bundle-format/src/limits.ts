/**
 * Every bound of the format in one place (format §2.4). A document beyond a bound is refused before it is parsed.
 * Units stand in the names.
 */
export const LIMITS = {
  manifestBytes: 4_194_304,
  receiptBytes: 4_194_304,
  signatureBytes: 4096,
  signatures: 16,
  /** Names looked at in one folder of a medium. */
  names: 1000,
  rows: 10_000_000,
  rowBytes: 32_768,
  pathBytes: 4096,
  componentBytes: 255,
  depth: 64,
  /** An entry of a volume: a path and what stands around it (format §8.2). */
  entryBytes: 4224,
  entryDepth: 67,
  volumes: 10_000,
  repositories: 256,
  sites: 256,
  bundlesInReceipt: 1000,
  /** Entries of one ZIP file, volume or pack. */
  entries: 131_072,
  /** The central directory of one ZIP file, which is read at once. */
  directoryBytes: 67_108_864,
  /** A deflated object is inflated in memory; larger ones must be stored. */
  deflatedObjectBytes: 67_108_864,
  jsonDepth: 16,
  sequence: 9_007_199_254_740_990,
} as const;
