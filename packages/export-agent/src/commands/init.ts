/** `init`: a commented configuration and a key pair, enough to start. */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { GapferryError, Misused } from '@gapferry/bundle-format/errors';
import { assertName } from '@gapferry/bundle-format/names';
import { encodePublicKey, exporterIdOf, type PublicKey } from '@gapferry/bundle-format/signature';
import type { Command, Input } from '@gapferry/station/command/command';
import { makeFolder, writeNew } from '@gapferry/station/files/durable';
import { writeKeyPair } from '@gapferry/station/keys/files';
import { findPlace, type Place } from '@gapferry/station/media/place';
import { loadPreset } from '@gapferry/repository';
import { CONFIG_NAME, loadExportConfig } from '../configuration/load.ts';
import { configurationText, type InitWish } from '../configuration/template.ts';
import { withMedium } from '../sealing/medium.ts';
import { absence, placeFlag } from './places.ts';

type RepositoryWish = InitWish['repositories'][number];

/** NAME=PRESET:PATH. @throws Misused USAGE, PRESET_INVALID */
export const parseRepository = (text: string): RepositoryWish => {
  const found = /^([^=:]+)=([^:]+):(.+)$/s.exec(text);
  const [, name = '', preset = '', path = ''] = found ?? [];
  if (found === null)
    throw new Misused('USAGE', `--repository ${text}: must be NAME=PRESET:PATH`, {
      hint: 'as in --repository debian=apt:/srv/mirror',
    });
  assertName('repository', name);
  loadPreset(preset, []);
  return { name, preset, path: resolve(path) };
};

const wishOf = (input: Input): InitWish & { readonly folder: string } => {
  const place = placeFlag(input);
  if (place === undefined) throw new Misused('USAGE', 'say where bundles go: --medium DIR, or --folder DIR');
  const repositories = input.list('repository').map(parseRepository);
  const names = repositories.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new Misused('USAGE', 'two repositories have the same name');
  const sites = [...new Set(input.list('site'))];
  for (const site of sites) assertName('site', site);
  return { folder: resolve(input.text('dir') ?? '.'), repositories, sites, place };
};

/** Lays the public key where the courier will carry it. Not possible is no failure: the first export does it again. */
const layKey = async (place: Place, key: PublicKey, signal: AbortSignal): Promise<boolean> => {
  try {
    if (findPlace(place) === undefined) return false;
    await withMedium(place, signal, async (medium) => {
      const { identity } = await medium.ask('look', { place });
      await medium.ask('layKey', { place, identity, name: `${exporterIdOf(key)}.pub`, text: encodePublicKey(key) });
    });
    return true;
  } catch (error) {
    if (error instanceof GapferryError && error.kind === 'unfit') return false;
    throw error;
  }
};

/** Not there yet is no mistake, but a mistyped path looks the same. */
const sourceWarnings = ({ repositories }: InitWish): string[] =>
  repositories.flatMap(({ name, path }) => (existsSync(path) ? [] : [`the source of ${name}, ${path}, is not there`]));

const placeWarnings = (place: Place, laid: boolean): string[] => {
  if (laid) return [];
  const why = isThere(place) ? `${place.path} cannot be written to` : absence(place);
  return [`${why}: the key was not laid on it; the first export does it`];
};

const isThere = (place: Place): boolean => {
  try {
    return findPlace(place) !== undefined;
  } catch {
    return false; // pulled just now
  }
};

export const init: Command = {
  name: 'init',
  says: 'write a commented configuration and a key pair: enough to start',
  options: [
    { flags: '--dir <dir>', says: 'folder for configuration, key, state and logs', required: true },
    { flags: '--repository <name=preset:path...>', says: 'what is carried', required: true },
    { flags: '--site <name...>', says: 'who receives' },
    { flags: '--medium <dir>', says: 'mount point of the medium' },
    { flags: '--folder <dir>', says: 'a plain folder instead of a medium' },
  ],
  examples: ['gapferry-export init --dir near --repository debian=apt:/srv/mirror --site plant7 --medium /media/usb'],
  async run(input, context) {
    const wish = wishOf(input);
    const config = join(wish.folder, CONFIG_NAME);
    if (existsSync(config)) throw new Misused('ALREADY_THERE', `${config} exists already`, { facts: { path: config } });
    makeFolder(wish.folder);
    const keys = writeKeyPair(wish.folder, 'exporter');
    writeNew(config, configurationText(wish), 0o600);
    loadExportConfig(config); // what was asked for may not make sense: paths within each other
    const laid = await layKey(wish.place, keys.publicKey, context.signal);
    const exporter = exporterIdOf(keys.publicKey);
    const warnings = [...sourceWarnings(wish), ...placeWarnings(wish.place, laid)];
    return {
      status: 0,
      json: {
        config,
        key: keys.publicPath,
        fingerprint: keys.fingerprint,
        exporter,
        keyLaid: laid,
        place: wish.place.path,
        warnings,
      },
      lines: [
        `configuration  ${config}`,
        `public key     ${keys.publicPath}${laid ? ` (also laid on ${wish.place.path})` : ''}`,
        `exporter       ${exporter}`,
        `fingerprint    ${keys.fingerprint}`,
        '',
        ...warnings.map((warning) => `warning: ${warning}`),
        'Tell the fingerprint to the site by voice or on paper; there: gapferry-import trust add',
      ],
      quiet: [keys.fingerprint],
    };
  },
};
