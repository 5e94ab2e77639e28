export {
  classifier,
  busyMarker,
  isBusy,
  neverEntered,
  phases,
  type Classification,
  type Classifier,
} from './classify.ts';
export { assertClosed, checkClosure } from './closure.ts';
export { type ClosureWorld } from './closure-world.ts';
export { type ClosureCode, type ClosureProblem, type ClosureReport } from './closure-report.ts';
export { NotDecompressible, type Decompress, type ForeignCompression } from './decompress.ts';
export { compileGlobs, globFault, type Matcher } from './glob.ts';
export { listPresets, loadPreset, parsePreset } from './preset.ts';
export { type ClosureChecker, type FactRule, type MetadataPhase, type Preset } from './preset-schema.ts';
export { toolDecompressor } from './tools.ts';
export { type DigestAlgorithm, type FileFacts, type RepositoryView } from './view.ts';
