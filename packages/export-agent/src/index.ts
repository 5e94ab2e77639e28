/** The verbs of the export agent, for programs and tests; people use the command line. */
export {
  type BundleReport,
  type ExportReport,
  exportOnce,
  type ExportWish,
  type RepositoryReport,
  type Watch,
} from './agent.ts';
export { loadExportConfig } from './configuration/load.ts';
export { runDaemon } from './daemon.ts';
export { program } from './program.ts';
export { openWorld, type World } from './world.ts';
