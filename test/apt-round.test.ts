/** The main job with a real APT repository, a real client after each round, and a client that never stops reading. */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { join } from 'node:path';
import { whileReading } from './support/apt-client.ts';
import { APT_TOOLS, AptRepository, fetchWithApt } from './support/apt-repository.ts';
import { must, pause } from './support/commands.ts';
import { needs } from './support/needs.ts';
import { Pair } from './support/pair.ts';
import { differences, removeFolder, tempFolder } from './support/trees.ts';

const aptTest = needs(...APT_TOOLS);
const SMALL = 40;

/** Real packages where the archive can be reached; always enough made ones that publishing takes a moment. */
const fillFirst = async (repository: AptRepository): Promise<string[]> => {
  const real = await repository.download('hello', 'sl');
  if (real.length === 0) process.stderr.write('apt-get download gave nothing: made packages only\n');
  const made = Array.from({ length: SMALL }, (_, n) => ({ name: `made-${n}`, version: '1.0', bytes: 20_000 + n }));
  for (const one of made) await repository.make(one);
  await repository.make({ name: 'large', version: '1.0', bytes: 9_000_000 });
  await repository.publish();
  return [...real, 'made-0', 'large'];
};

const fillSecond = async (repository: AptRepository, known: readonly string[]): Promise<Record<string, string>> => {
  const versions: Record<string, string> = {};
  for (const name of known) versions[name] = await repository.update(name, '+test2');
  for (let n = 1; n < SMALL / 2; n += 1) await repository.update(`made-${n}`, '+test2');
  versions['added'] = await repository.make({ name: 'added', version: '0.1', bytes: 5_000_000 });
  await repository.publish();
  return versions;
};

describe('an APT repository crosses', () => {
  let work = '';
  let pair: Pair | undefined;
  let repository: AptRepository | undefined;

  beforeAll(() => {
    work = tempFolder('apt');
  });
  afterAll(async () => {
    await repository?.close();
    await pair?.remove();
    removeFolder(work);
  });

  aptTest(
    'first whole, then updated and added packages; apt-get works after each round, and a reading client never sees a mix',
    async () => {
      const source = join(work, 'mirror');
      repository = await AptRepository.create(source, join(work, 'make'));
      const names = await fillFirst(repository);
      pair = await Pair.create({ name: 'apt-pair', repositories: { debian: 'apt' }, sources: { debian: source } });
      const target = pair.target('debian');

      await pair.export();
      await pair.published();
      expect(differences(source, target)).toEqual([]);
      const first = await fetchWithApt(target, repository.keyring, work, names);
      expect(Object.keys(first.packages)).toHaveLength(names.length);
      expect(first.requests.some((path) => path.includes('/by-hash/SHA256/'))).toBe(true);

      const versions = await fillSecond(repository, names);
      await pair.export();
      const both = pair;
      const seen = await whileReading(target, join(work, 'stop'), 60, async () => {
        await pause(300);
        await both.published();
      });
      expect(seen.missing).toEqual([]);
      expect(seen.mixed).toEqual([]);
      expect(seen.poolReads).toBeGreaterThan(200);
      expect(seen.releases.length).toBeGreaterThanOrEqual(2); // it read before and after, or the proof is empty

      expect(differences(source, target)).toEqual([]);
      const second = await fetchWithApt(target, repository.keyring, work, Object.keys(versions));
      for (const [name, version] of Object.entries(versions)) {
        const file = Object.keys(second.packages).find((deb) => deb.startsWith(`${name}_`));
        expect(file?.replaceAll('%3a', ':')).toContain(`_${version}_`);
      }
    },
    180_000,
  );

  aptTest(
    'the reading client does notice a publisher that puts the root pointer first',
    async () => {
      const source = join(work, 'small-mirror');
      const published = join(work, 'wrongly-published');
      const small = await AptRepository.create(source, join(work, 'make-small'));
      try {
        await small.make({ name: 'one', version: '1', bytes: 1000 });
        await small.publish();
        await must('cp', ['-a', source, published]);
        await small.update('one', '+2');
        await small.publish();
        const seen = await whileReading(published, join(work, 'stop-small'), 5, async () => {
          for (const part of ['dists', 'pool']) {
            await pause(300);
            await must('cp', ['-a', '--remove-destination', `${join(source, part)}/.`, join(published, part)]);
          }
        });
        expect(seen.missing.join('\n')).toMatch(/pool\/main\/o\/one/);
        expect(seen.releases.length).toBeGreaterThanOrEqual(2);
      } finally {
        await small.close();
      }
    },
    60_000,
  );
});
