import { afterEach, expect, test } from '@jest/globals';
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../src/files/durable.ts';
import { openAudit, verifyAudit } from '../../src/record/audit.ts';
import { openLog } from '../../src/record/log.ts';
import { openDatabase } from '../../src/state/database.ts';
import { type LoopMount, mountLoop, whyNoMounts } from '../media/loop.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const reason = whyNoMounts();
const real = reason === undefined ? test : test.skip;
const suffix = reason === undefined ? '' : ` (${reason})`;

let disk: LoopMount | undefined;
afterEach(() => {
  disk?.unmount();
  disk = undefined;
});
const aDisk = (): string => {
  disk = mountLoop(temporaryFolder(), ['mkfs.ext4', '-q', '-F', '-m', '0'], 8);
  if (disk === undefined) throw new Error('no loop device could be mounted here');
  return disk.path;
};
/** Writes until nothing more goes. */
const fill = (folder: string): void => {
  for (let n = 0, size = 1 << 20; size >= 512; n++) {
    try {
      writeFileSync(join(folder, `fill-${n}`), Buffer.alloc(size));
    } catch {
      rmSync(join(folder, `fill-${n}`), { force: true });
      size >>= 1;
    }
  }
  expect(statfsSync(folder).bavail).toBeLessThan(2);
};

real(
  `an audit entry is still recorded on a full disk, and later ones when the reserve is used up are refused whole${suffix}`,
  () => {
    const folder = aDisk();
    const path = join(folder, 'audit.log');
    const audit = openAudit(path);
    audit.append({ event: 'before' });
    fill(folder);
    audit.append({ event: 'disk.full', detail: 'x'.repeat(5000) });
    expect(existsSync(`${path}.reserve`)).toBe(false);
    expect(verifyAudit(path)).toMatchObject({ entries: 2, broken: null });
    expect(
      thrownBy(() => {
        for (let n = 0; n < 100; n++) audit.append({ event: 'more', detail: 'x'.repeat(5000) });
      }),
    ).toMatchObject({ code: 'LOCAL_FULL' });
    expect(verifyAudit(path).broken).toBeNull();
    rmSync(join(folder, 'fill-0'));
    audit.append({ event: 'room again' });
    expect(verifyAudit(path).broken).toBeNull();
    expect(existsSync(`${path}.reserve`)).toBe(true);
    audit.close();
  },
);

real(`a log on a full disk stops nobody and goes on later${suffix}`, async () => {
  const folder = aDisk();
  const log = openLog({ name: 'x', folder, terminal: false });
  fill(folder);
  for (let n = 0; n < 100; n++) log.info('y'.repeat(1000));
  rmSync(join(folder, 'fill-0'));
  log.info('room again');
  await log.close();
  const lines = readFileSync(join(folder, 'x.log'), 'utf8').trimEnd().split('\n');
  expect(lines.at(-2)).toMatch(/\d+ lines of this log could not be written/);
  expect(lines.at(-1)).toContain('room again');
});

real(`a full disk is called so by files and databases, which stay as they were${suffix}`, () => {
  const folder = aDisk();
  const db = openDatabase(join(folder, 'state.sqlite'), ['CREATE TABLE t (x BLOB)']);
  db.run('INSERT INTO t VALUES (1)');
  writeDurably(join(folder, 'file'), 'old');
  fill(folder);
  expect(thrownBy(() => writeDurably(join(folder, 'file'), Buffer.alloc(100_000)))).toMatchObject({
    code: 'LOCAL_FULL',
  });
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('old');
  expect(thrownBy(() => db.transaction(() => db.run('INSERT INTO t VALUES (zeroblob(1000000))')))).toMatchObject({
    code: 'LOCAL_FULL',
  });
  rmSync(join(folder, 'fill-0'));
  db.transaction(() => db.run('INSERT INTO t VALUES (2)'));
  expect(db.all('SELECT x FROM t')).toHaveLength(2);
  db.close();
});
