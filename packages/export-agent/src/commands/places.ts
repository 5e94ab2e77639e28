/** The place that a command is to use, from its flags or from the configuration. */

import { resolve } from 'node:path';
import { Misused, Unfit } from '@gapferry/bundle-format/errors';
import type { Input } from '@gapferry/station/command/command';
import { findPlace, type Place } from '@gapferry/station/media/place';
import type { ExportConfig } from '../configuration/schema.ts';

/** What --medium or --folder says; undefined without both. @throws Misused USAGE for both */
export const placeFlag = (input: Input): Place | undefined => {
  const [medium, folder] = [input.text('medium'), input.text('folder')];
  if (medium !== undefined && folder !== undefined) throw new Misused('USAGE', 'give --medium or --folder, not both');
  if (medium !== undefined) return { kind: 'medium', path: resolve(medium) };
  return folder === undefined ? undefined : { kind: 'folder', path: resolve(folder) };
};

/** What a person is told about a place that is not there. */
export const absence = ({ kind, path }: Place): string => `${path} is not ${kind === 'medium' ? 'mounted' : 'there'}`;

export const presentPlaces = (config: ExportConfig): Place[] =>
  config.media.filter((place) => findPlace(place) !== undefined);

/** The first configured place that is there. @throws Unfit NOT_MOUNTED naming all that are not */
export const requireConfigured = (config: ExportConfig): Place => {
  const [first] = presentPlaces(config);
  if (first !== undefined) return first;
  const paths = config.media.map(({ path }) => path);
  if (paths.length === 0)
    throw new Misused('CONFIG_INVALID', 'no medium and no folder is configured', {
      hint: 'name one under "media", or give --medium or --folder',
    });
  throw new Unfit('NOT_MOUNTED', `no medium is there: nothing is mounted at ${paths.join(', ')}`, { facts: { paths } });
};
