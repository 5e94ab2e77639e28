/** `import`: takes in all bundles found, now. */
import { resolve } from 'node:path';
import { type ExitStatus, Incomplete, Unfit, worstStatus } from '@gapferry/bundle-format/errors';
import type { Command, Context, Input, JSONish, Result } from '@gapferry/station/command/command';
import type { Progress } from '@gapferry/station/command/progress';
import { formatBytes } from '@gapferry/station/format/bytes';
import { findPlace, type Place, type Presence, requirePlace } from '@gapferry/station/media/place';
import { type Arrival, type BundleOutcome, look, type Outcome, takeIn } from '../agent.ts';
import type { ImportConfig } from '../configuration/schema.ts';
import { recoverAll } from '../holdings/check.ts';
import { MediumSession } from '../receiving/session.ts';
import type { World } from '../world.ts';
import { openWorld, requireTrust } from './open-world.ts';

export const importCommand: Command = {
  name: 'import',
  says: 'take in all bundles found, now',
  arguments: [
    { name: '[path...]', says: 'a medium, a folder of bundles, or one bundle; without it, the configured places' },
  ],
  run: importNow,
};

interface Found {
  readonly path: string;
  readonly presence: Presence | undefined;
}

async function importNow(input: Input, context: Context): Promise<Result> {
  let bar: Progress | undefined;
  const { world, close } = openWorld(context.config, {
    doing: 'import',
    terminal: false,
    courier: (medium, { line }) => context.say(`${medium}: ${line}`, { courier: line, medium }),
    progress: (label, bytes, total) => (bar ??= context.progress(label, total)).advance(bytes),
  });
  const ending: Promise<void>[] = [];
  try {
    requireTrust(world.config);
    await recoverAll(world);
    const outcomes: Outcome[] = [];
    for (const found of findPaths(world.config, input.arguments())) {
      outcomes.push(await importFrom(world, found, context.signal, ending));
      bar?.done();
      bar = undefined;
    }
    return toResult(outcomes, { named: input.arguments().length > 0, answers: world.config.receipts });
  } finally {
    bar?.done();
    await close();
    await Promise.all(ending);
  }
}

/** A named path that is a configured medium is looked at as one: an empty mount point is no medium. @throws Unfit NOT_MOUNTED */
function findPaths(config: ImportConfig, named: readonly string[]): Found[] {
  if (named.length > 0) {
    return named.map((text) => {
      const path = resolve(text);
      const place = config.media.find((one) => one.path === path) ?? ({ kind: 'folder', path } satisfies Place);
      return { path, presence: requirePlace(place) };
    });
  }
  const present = config.media.flatMap((place) => findPlace(place) ?? []);
  if (present.length === 0)
    throw new Unfit(
      'NOT_MOUNTED',
      config.media.length === 0
        ? 'no place is configured to import from'
        : `nothing is there: ${config.media.map(({ path }) => path).join(', ')}`,
    );
  return present.map((presence) => ({ path: presence.path, presence }));
}

/** @param ending gets the end of the medium process, which need not be waited for before the next work */
async function importFrom(
  world: World,
  { path, presence }: Found,
  signal: AbortSignal,
  ending: Promise<void>[],
): Promise<Outcome> {
  const medium = new MediumSession(path, world.config.stallMs);
  const stop = (): void => medium.kill();
  signal.addEventListener('abort', stop);
  try {
    const arrival: Arrival = { medium, path, identity: presence?.identity ?? path, presence };
    return await takeIn(world, arrival, await look(world, arrival));
  } finally {
    signal.removeEventListener('abort', stop);
    ending.push(medium.stop());
  }
}

export function toResult(
  outcomes: readonly Outcome[],
  { named, answers }: { readonly named: boolean; readonly answers: boolean },
): Result {
  const bundles = outcomes.flatMap((outcome) => outcome.bundles);
  const refused = outcomes.flatMap((outcome) => outcome.refused);
  if (bundles.length === 0 && named && refused.length === 0)
    throw new Incomplete('MANIFEST_MISSING', 'no bundle was found there');
  const status: ExitStatus = worstStatus(outcomes.map((outcome) => outcome.status));
  const receipts = outcomes.flatMap((outcome) => outcome.receipts);
  const kept = outcomes.flatMap((outcome) => outcome.receiptKept ?? []);
  return {
    status,
    json: {
      status,
      bundles: bundles.map(bundleJSON),
      published: outcomes.flatMap((outcome) =>
        outcome.published.map(({ repository, snapshot, sequence, exporter }) => ({
          repository,
          snapshot,
          sequence,
          exporter,
        })),
      ),
      objects: sum(outcomes.map(({ objects }) => objects)),
      bytes: sum(outcomes.map(({ bytes }) => bytes)),
      receipts: [...receipts],
      receiptKept: kept.map(({ code, message }) => ({ code, says: message })),
      foreign: outcomes.flatMap(({ foreign }) => [...foreign]),
      refused: refused.map(({ code, message, hint }) => ({ code, says: message, hint })),
    },
    lines: linesOf(
      outcomes,
      bundles,
      receipts,
      kept.map(({ message }) => message),
      answers,
    ),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const bundleJSON = (bundle: BundleOutcome): JSONish => ({
  folder: bundle.folder,
  exporter: bundle.exporter,
  sequence: bundle.sequence,
  manifest: bundle.manifest,
  status: bundle.status,
  nothingNew: bundle.nothingNew,
  repositories: bundle.repositories.map((one) => ({ ...one })),
  skipped: [...bundle.skipped],
  errors: bundle.errors.map(({ code, message, hint, facts }) => ({ code, says: message, hint, facts: { ...facts } })),
});

function linesOf(
  outcomes: readonly Outcome[],
  bundles: readonly BundleOutcome[],
  receipts: readonly number[],
  kept: readonly string[],
  /** False where the site never sends anything back. */
  answers: boolean,
): string[] {
  const refused = outcomes.flatMap((outcome) => outcome.refused);
  if (bundles.length === 0 && refused.length === 0) return ['nothing to take in'];
  const [objects, bytes] = [sum(outcomes.map((one) => one.objects)), sum(outcomes.map((one) => one.bytes))];
  return [
    ...bundles.flatMap(bundleLines),
    ...refused.flatMap(({ code, message, hint }) => [`${code}: ${message}`, `hint: ${hint}`]),
    ...(objects > 0 ? [`taken: ${objects} objects, ${formatBytes(bytes)}`] : []),
    ...(receipts.length > 0 ? [`receipt ${receipts.join(', ')} lies on the medium`] : []),
    ...(answers && receipts.length === 0 && kept.length === 0 && outcomes.some(({ published }) => published.length > 0)
      ? ['the receipt waits for the next medium']
      : []),
    ...foreignLines(outcomes.flatMap(({ foreign }) => foreign)),
    ...kept.map((why) => `the receipt is kept for the next medium: ${why}`),
  ];
}

const foreignLines = (names: readonly string[]): string[] => {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return names.length === 0 ? [] : [`not ours, left alone: ${names.slice(0, 5).join(', ')}${more}`];
};

function bundleLines(bundle: BundleOutcome): string[] {
  const title =
    bundle.sequence === null ? bundle.folder : `bundle ${bundle.sequence} of ${bundle.exporter ?? 'nobody'}`;
  return [
    `${title}${bundle.nothingNew && bundle.errors.length === 0 ? ': nothing to do' : ''}`,
    ...bundle.repositories.map(
      ({ name, snapshot, state, says }) =>
        `  ${name}: snapshot ${snapshot} ${state}${says === null ? '' : `: ${says}`}`,
    ),
    ...bundle.skipped.map((name) => `  ${name}: not carried at this site`),
    ...bundle.errors.flatMap(({ code, message, hint }) => [`  ${code}: ${message}`, `  hint: ${hint}`]),
  ];
}
