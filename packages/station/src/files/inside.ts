/**
 * Paths below a root that must not lead out of it through a link: a medium may hold `gapferry -> /etc`, a published tree may have
 * been tampered with. O_NOFOLLOW guards only the last component, so each folder on the way is looked at.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { Damaged, Misused } from '@gapferry/bundle-format/errors';
import { errnoOf, type Whereabouts, withFaults } from './fault.ts';

/**
 * The path of `relative` ('/'-separated) below `root`, after every component that exists was found to be a real folder. The last component may
 * also be a file, or be missing together with everything after it.
 * @throws Damaged NOT_A_REGULAR_FILE when a component is a link, a device or a file in the place of a folder
 */
export const insideFolder = (root: string, relative: string, where: Whereabouts = 'medium'): string => {
  const parts = relative.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new Misused('USAGE', `not a path below a folder: ${relative}`);
  }
  let path = root;
  for (const [index, part] of parts.entries()) {
    path = join(path, part);
    const kind = kindOf(path, where);
    if (kind === 'missing') return join(root, ...parts);
    if (kind === 'folder' || (kind === 'file' && index === parts.length - 1)) continue;
    throw new Damaged('NOT_A_REGULAR_FILE', `${path} is a link or a thing of another kind and is not followed`, {
      facts: { path },
    });
  }
  return path;
};

const kindOf = (path: string, where: Whereabouts): 'folder' | 'file' | 'missing' | 'other' =>
  withFaults({ where, doing: 'read', what: path }, () => {
    try {
      const stat = lstatSync(path);
      return stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : 'other';
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 'missing';
      throw error;
    }
  });
