/** Starts `apt-reader.ts` beside whatever a test does, and gives what it saw. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { must, valuesOf } from './commands.ts';
import type { Sightings } from './apt-reader.ts';

const READER = fileURLToPath(new URL('apt-reader.ts', import.meta.url));

const textsOf = (json: unknown, key: string): string[] => valuesOf(json, key).flat().map(String);
const countOf = (json: unknown, key: string): number => Number(valuesOf(json, key)[0] ?? 0);

/** Reads the published tree in a loop until `work` has ended. */
export const whileReading = async (
  published: string,
  stopFile: string,
  maxPauseMs: number,
  work: () => Promise<void>,
): Promise<Sightings> => {
  const reading = must(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    READER,
    published,
    stopFile,
    String(maxPauseMs),
  ]);
  try {
    await work();
  } finally {
    writeFileSync(stopFile, '');
  }
  const { json } = await reading;
  return {
    rounds: countOf(json, 'rounds'),
    indexReads: countOf(json, 'indexReads'),
    poolReads: countOf(json, 'poolReads'),
    releases: textsOf(json, 'releases'),
    missing: textsOf(json, 'missing'),
    mixed: textsOf(json, 'mixed'),
  };
};
