/** Who else may read or exchange a file. Windows answers these questions by other means, which Node does not show: there nothing is checked. */
import { lstatSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Unfit } from '@gapferry/bundle-format/errors';
import { withFaults } from '../files/fault.ts';

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

/** 0644 */
export const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0');

const unsafe = (path: string, why: string): Unfit =>
  new Unfit('KEY_FILE_UNSAFE', `${path} ${why}`, { facts: { path } });

const look = (path: string): Stats =>
  withFaults({ where: 'machine', doing: 'read', what: path }, () => lstatSync(path));

/** undefined on Windows. */
const myself = (): number | undefined => process.geteuid?.();

/**
 * A secret file is an ordinary file of ours that nobody else may read, in a folder where nobody else may put another in its place.
 * @throws Unfit KEY_FILE_UNSAFE, LOCAL_IO (no such file), PERMISSION
 */
export const assertOwnerOnly = (path: string): void => {
  const file = look(path);
  if (!file.isFile()) throw unsafe(path, 'is a link or not an ordinary file');
  const me = myself();
  if (me === undefined) return;
  if (file.uid !== me) throw unsafe(path, `belongs to another user (${file.uid})`);
  if ((file.mode & OTHERS) !== 0) throw unsafe(path, `may be used by others (mode ${octal(file.mode)})`);
  const folder = dirname(path);
  // Followed, as the way to the folder is the administrator's: only what it leads to counts.
  assertSafe(
    folder,
    withFaults({ where: 'machine', doing: 'read', what: folder }, () => statSync(folder)),
    me,
  );
};

const assertSafe = (path: string, folder: Stats, me: number): void => {
  if (folder.uid !== me && folder.uid !== 0) throw unsafe(path, `belongs to another user (${folder.uid})`);
  if ((folder.mode & OTHERS_WRITE) !== 0) {
    throw unsafe(path, `may be changed by others (mode ${octal(folder.mode)}), who could exchange the key in it`);
  }
};
