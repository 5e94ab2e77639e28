/** Reading a YAML configuration: strict, and telling all that is wrong at once. */
import { dirname, resolve } from 'node:path';
import { Misused } from '@gapferry/bundle-format/errors';
import type { z } from 'zod';
import { readBoundedIfThere } from '../files/safe-open.ts';
import { checkYaml } from './check.ts';

/** Far above any that a person wrote. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Reads and checks the file. `schema` may be a function of the absolute folder of the file, for relative paths (`pathIn(folder)`).
 * @throws Misused CONFIG_INVALID with every bad key, its path and its line
 */
export const loadConfig = <T>(path: string, schema: z.ZodType<T> | ((folder: string) => z.ZodType<T>)): T => {
  const bytes = readBoundedIfThere(path, MAX_CONFIG_BYTES, { where: 'machine' });
  if (bytes === undefined) {
    throw new Misused('CONFIG_INVALID', `there is no configuration ${path}`, {
      facts: { path },
      hint: 'make one with `init`, or name yours with --config',
    });
  }
  const checked = checkYaml(
    Buffer.from(bytes).toString('utf8'),
    typeof schema === 'function' ? schema(dirname(resolve(path))) : schema,
  );
  if (checked.good) return checked.value;
  throw new Misused('CONFIG_INVALID', `${path}: ${checked.mistakes.join('; ')}`, {
    facts: { path, mistakes: checked.mistakes },
  });
};
