/** The verbs of the import agent, for programs and tests; people use the command line. */
export { type Arrival, type BundleOutcome, look, type Outcome, type RepositoryOutcome, takeIn } from './agent.ts';
export { openWorld, type OpenWorld, type WorldOptions } from './commands/open-world.ts';
export { loadImportConfig } from './configuration/load.ts';
export { runDaemon } from './daemon/daemon.ts';
export { recoverAll } from './holdings/check.ts';
export { program } from './program.ts';
export { MediumSession } from './receiving/session.ts';
export { type Admission, admitManifest, type AdmittedManifest, type AdmissionPolicy } from './trust/admission.ts';
export type { World } from './world.ts';
