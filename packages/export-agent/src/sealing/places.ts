/** Paths on a place, each looked at so that no link leads out of it; and the check that it is still the same place. */

import { join } from 'node:path';
import { Unfit } from '@gapferry/bundle-format/errors';
import { BUNDLES } from '@gapferry/bundle-format/layout';
import { makeFolder } from '@gapferry/station/files/durable';
import { insideFolder } from '@gapferry/station/files/inside';
import { type Place, type Presence, requirePlace } from '@gapferry/station/media/place';
import type { SeenPlace } from './messages.ts';

/** Of folders that we make on a medium: what lies there is no secret. */
export const FOLDER_MODE = 0o755;
export const FILE_MODE = 0o644;

export const toSeen = (presence: Presence): SeenPlace => ({
  place: presence.place,
  identity: presence.identity,
  readOnly: presence.readOnly,
  freeBytes: Number.isFinite(presence.freeBytes) ? presence.freeBytes : null,
  fsType: presence.fsType,
  fileLimit: presence.fileLimit,
});

/**
 * @throws Unfit NOT_MOUNTED; MEDIA_GONE when another medium took its place; MEDIA_READONLY
 */
export const requireWritable = (place: Place, identity: string): Presence => {
  const now = requirePlace(place);
  if (now.identity !== identity)
    throw new Unfit('MEDIA_GONE', `the medium at ${place.path} was exchanged`, { facts: { path: place.path } });
  if (now.readOnly)
    throw new Unfit('MEDIA_READONLY', `${place.path} is write-protected`, { facts: { path: place.path } });
  return now;
};

export const inPlace = (place: Place, relative: string): string => insideFolder(place.path, relative);

export const bundlePath = (place: Place, bundle: string): string => inPlace(place, `${BUNDLES}/${bundle}`);

/** Path of a file of a bundle, whose folder was looked at. */
export const fileOf = (place: Place, bundle: string, name: string): string => join(bundlePath(place, bundle), name);

export const makeInPlace = (place: Place, relative: string): string => {
  const path = inPlace(place, relative);
  makeFolder(path, FOLDER_MODE, { where: 'medium' });
  return path;
};
