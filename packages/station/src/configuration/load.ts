/** Reading a YAML configuration: strict, and telling all that is wrong at once. */
import { dirname, resolve } from 'node:path';
import { Misused } from '@gapferry/bundle-format/errors';
import type { z } from 'zod';
import { statSync } from 'node:fs';
import { octal } from '../keys/owner.ts';
import { withFaults } from '../files/fault.ts';
import { readBoundedIfThere } from '../files/safe-open.ts';
import { checkYaml } from './check.ts';

/** Far above any that a person wrote. */
const MAX_CONFIG_BYTES = 1024 * 1024;

const OTHERS_WRITE = 0o022;

/**
 * Whoever may write the configuration decides which key is trusted and what is carried, as much as whoever has the key. Windows answers
 * this by other means, which Node does not show.
 * @throws Misused CONFIG_PERMS
 */
const assertNotForOthers = (path: string): void => {
  const me = process.geteuid?.();
  if (me === undefined) return;
  const { uid, mode } = withFaults({ where: 'machine', doing: 'read', what: path }, () => statSync(path));
  if (uid !== me && uid !== 0)
    throw new Misused('CONFIG_PERMS', `the configuration ${path} belongs to another user (${uid})`, {
      facts: { path, uid },
      hint: 'give it to root or to the account that runs the agent: chown',
    });
  if ((mode & OTHERS_WRITE) !== 0)
    throw new Misused('CONFIG_PERMS', `the configuration ${path} may be changed by others (mode ${octal(mode)})`, {
      facts: { path, mode: octal(mode) },
      hint: `let only its owner write it: chmod go-w ${path}`,
    });
};

/**
 * Reads and checks the file. `schema` may be a function of the absolute folder of the file, for relative paths (`pathIn(folder)`).
 * @throws Misused CONFIG_INVALID with every bad key, its path and its line, CONFIG_PERMS when others may write it
 */
export const loadConfig = <T>(path: string, schema: z.ZodType<T> | ((folder: string) => z.ZodType<T>)): T => {
  const bytes = readBoundedIfThere(path, MAX_CONFIG_BYTES, { where: 'machine' });
  if (bytes === undefined) {
    throw new Misused('CONFIG_INVALID', `there is no configuration ${path}`, {
      facts: { path },
      hint: 'make one with `init`, or name yours with --config',
    });
  }
  assertNotForOthers(path);
  const checked = checkYaml(
    Buffer.from(bytes).toString('utf8'),
    typeof schema === 'function' ? schema(dirname(resolve(path))) : schema,
  );
  if (checked.good) return checked.value;
  throw new Misused('CONFIG_INVALID', `${path}: ${checked.mistakes.join('; ')}`, {
    facts: { path, mistakes: checked.mistakes },
  });
};
