/** `verify BUNDLE --key FILE…`: everything that a reader would refuse, without taking anything in. */
import {
  type ErrorJSON,
  errorToJSON,
  exitStatusOfKind,
  type ExitStatus,
  GapferryError,
  kindOf,
  Misused,
  worstStatus,
} from '@gapferry/bundle-format/errors';
import type { Command, Context, Input, JSONish, Result } from '../command.ts';
import type { Progress } from '../progress.ts';
import { type BundleReport, reportToJSON, verdictLines } from './report.ts';
import { type BundleMedium, keyTexts, withMedium, withSpool } from './session.ts';

/** A bundle whose signature or manifest is refused has no report, only that problem. */
type Outcome =
  | { readonly folder: string; readonly report: BundleReport }
  | { readonly folder: string; readonly refusal: GapferryError };

const problemsOf = (outcome: Outcome): readonly ErrorJSON[] =>
  'report' in outcome ? outcome.report.problems : [errorToJSON(outcome.refusal)];

const statusOf = (outcome: Outcome): ExitStatus =>
  worstStatus(problemsOf(outcome).map(({ code }) => exitStatusOfKind(kindOf(code))));

const verifyBundle = async (
  medium: BundleMedium,
  folder: string,
  keys: readonly string[],
  context: Context,
): Promise<BundleReport> => {
  let progress: Progress | undefined;
  try {
    return await withSpool((spool) =>
      medium.ask('verify', { folder, keys, spool }, ({ bytes, totalBytes }) => {
        progress ??= context.progress('verifying', totalBytes);
        progress.advance(bytes);
      }),
    );
  } finally {
    progress?.done();
  }
};

/** Of several bundles each is looked at; what concerns the medium or this machine ends the command. */
const verifyOne = async (
  medium: BundleMedium,
  folder: string,
  keys: readonly string[],
  context: Context,
): Promise<Outcome> => {
  try {
    return { folder, report: await verifyBundle(medium, folder, keys, context) };
  } catch (error) {
    if (error instanceof GapferryError && (error.kind === 'refused' || error.kind === 'damaged'))
      return { folder, refusal: error };
    throw error;
  }
};

const linesOf = (outcome: Outcome): string[] =>
  'report' in outcome ? verdictLines(outcome.report) : [`${outcome.folder}: NOT GOOD`];

const jsonOf = (outcome: Outcome): JSONish =>
  'report' in outcome
    ? reportToJSON(outcome.report)
    : { folder: outcome.folder, problems: problemsOf(outcome).map((problem) => ({ ...problem })) };

const run = async (input: Input, context: Context): Promise<Result> => {
  const path = input.argument(0);
  if (path === undefined) throw new Misused('USAGE', 'no bundle was given');
  const keyFiles = input.list('key');
  if (keyFiles.length === 0)
    throw new Misused('USAGE', 'no key was given: a bundle is good only for one who knows the key of its exporter');
  const keys = keyTexts(keyFiles);
  const outcomes = await withMedium(path, context, async (medium) => {
    const found: Outcome[] = [];
    for (const folder of await medium.ask('find', { path })) found.push(await verifyOne(medium, folder, keys, context));
    return found;
  });
  const [first] = outcomes;
  if (outcomes.length === 1 && first !== undefined && 'refusal' in first) throw first.refusal;
  return {
    status: worstStatus(outcomes.map(statusOf)),
    json: { good: outcomes.every((outcome) => problemsOf(outcome).length === 0), bundles: outcomes.map(jsonOf) },
    lines: outcomes.flatMap(linesOf),
    problems: outcomes.flatMap(problemsOf),
  };
};

export const verifyCommand: Command = {
  name: 'verify',
  says: 'check signature, structure and every byte of a bundle',
  arguments: [{ name: '<bundle>', says: 'bundle folder, or a medium with bundles' }],
  options: [{ flags: '--key <file...>', says: 'public key of the exporter; more than one for counter-signers' }],
  examples: ['verify /media/usb --key exporter.pub', 'verify x0123456789abcdef-00000012 --key exporter.pub --json'],
  run,
};
