/** Both agents, set up with nothing but the commands a user has, and their daemons. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { Daemon, must } from './processes.ts';
import type { Stage } from './stage.ts';

export const SITE = 'plant7';

export interface PairPlan {
  /** Where both sides get a folder for configuration, keys, state and logs. */
  readonly root: string;
  /** `npm=npm` or `tree=tree`: name and preset. */
  readonly repository: string;
  readonly source: string;
  readonly target: string;
  readonly option: '--medium' | '--folder';
  readonly near: string;
  readonly far: string;
}

export interface Pair {
  readonly near: string;
  readonly far: string;
  readonly nearConfig: string;
  readonly farConfig: string;
  readonly exporterKey: string;
  readonly fingerprints: { readonly exporter: string; readonly site: string };
}

/** Seconds first: the daemon looks every two seconds. */
const EVERY_TWO_SECONDS = { cron: '*/2 * * * * *', timeZone: 'UTC' };

/** What a person would do with an editor. */
const configure = (file: string, change: (document: ReturnType<typeof parseDocument>) => void): void => {
  const document = parseDocument(readFileSync(file, 'utf8'));
  change(document);
  writeFileSync(file, document.toString());
};

export const fingerprintOf = (key: string): Promise<string> => must('export', 'fingerprint', key);

/** `init` at both sides and trust both ways, each key with the fingerprint that the other side was told. */
export const setUpPair = async (plan: PairPlan): Promise<Pair> => {
  const { root, repository, option } = plan;
  const [near, far] = [join(root, 'near'), join(root, 'far')];
  mkdirSync(plan.target, { recursive: true });
  const nearConfig = join(near, 'export-agent.yaml');
  const farConfig = join(far, 'import-agent.yaml');
  await Promise.all([
    must(
      'export',
      'init',
      '--dir',
      near,
      '--repository',
      `${repository}:${plan.source}`,
      '--site',
      SITE,
      option,
      plan.near,
    ),
    must(
      'import',
      'init',
      '--dir',
      far,
      '--site',
      SITE,
      '--repository',
      `${repository}:${plan.target}`,
      option,
      plan.far,
    ),
  ]);
  const [exporterKey, siteKey] = [join(near, 'exporter.pub'), join(far, 'site.pub')];
  const [exporter, site] = await Promise.all([fingerprintOf(exporterKey), fingerprintOf(siteKey)]);
  await Promise.all([
    must('import', 'trust', 'add', exporterKey, '--fingerprint', exporter, '--config', farConfig),
    must('export', 'site', 'add', SITE, '--key', siteKey, '--fingerprint', site, '--config', nearConfig),
  ]);
  configure(nearConfig, (document) => document.setIn(['schedule'], document.createNode(EVERY_TWO_SECONDS)));
  watchAMountPointToo(farConfig, root, option);
  return { near, far, nearConfig, farConfig, exporterKey, fingerprints: { exporter, site } };
};

/** A plain folder is watched for files; beside it the mount table is watched for a stick that may come. */
const watchAMountPointToo = (config: string, root: string, option: PairPlan['option']): void => {
  if (option === '--medium') return;
  const slot = join(root, 'far-slot');
  mkdirSync(slot);
  configure(config, (document) => document.addIn(['media'], document.createNode({ medium: slot })));
};

export interface Daemons {
  readonly near: Daemon;
  readonly far: Daemon;
}

export const startDaemons = (pair: Pair): Daemons => ({
  near: new Daemon('export', pair.nearConfig),
  far: new Daemon('import', pair.farConfig),
});

/** They never stopped by themselves, and they end well when they are asked to. */
export const holdDaemons = async ({ promises }: Stage, { near, far }: Daemons): Promise<void> => {
  promises.hold('both daemons ran all the time', near.runs && far.runs, [near.said, far.said]);
  const statuses = await Promise.all([near.stop(), far.stop()]);
  promises.hold('and end with exit status 0 when they are asked to', statuses.join() === '0,0', statuses.join());
};
