/**
 * Closure: does every reference of the metadata resolve to a file with the right digest? (DESIGN section 6, step 4.)
 * The ecosystem's own digests serve this question alone; trust comes from Gapferry's signed manifest.
 */

import { Refused } from '@gapferry/bundle-format';
import { checkApt } from './apt/check.ts';
import { ClosureFindings, type ClosureReport } from './closure-report.ts';
import type { ClosureWorld } from './closure-world.ts';
import { checkNpm } from './npm/check.ts';
import type { Preset } from './preset-schema.ts';
import type { RepositoryView } from './view.ts';

/**
 * Checks the references of a repository with the checker of its preset. Answers with what was found, good or bad; reading is streamed, and
 * lists in the answer are bounded. Errors of the view itself pass through.
 */
export const checkClosure = async (
  preset: Preset,
  view: RepositoryView,
  world: ClosureWorld = {},
): Promise<ClosureReport> => {
  const findings = new ClosureFindings(preset.closure.dangling);
  switch (preset.closure.checker) {
    case 'apt':
      await checkApt(view, world, findings);
      break;
    case 'npm':
      await checkNpm(view, findings);
      break;
    case 'none':
      break;
  }
  return findings.report();
};

/**
 * @param repository its name, for the message
 * @throws Refused with the code of the first problem; the facts hold all listed problems
 */
export const assertClosed = (repository: string, report: ClosureReport): void => {
  const [first] = report.problems;
  if (first === undefined) return;
  const more = report.problemCount === 1 ? '' : ` (and ${report.problemCount - 1} more)`;
  throw new Refused(first.code, `${repository}: ${first.says}${more}`, {
    facts: { repository, problemCount: report.problemCount, problems: report.problems.map((problem) => problem.says) },
  });
};
