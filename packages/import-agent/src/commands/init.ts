/** `init`: a commented configuration and the site's key pair, enough to start. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Misused } from '@gapferry/bundle-format/errors';
import { KEYS } from '@gapferry/bundle-format/layout';
import { assertName } from '@gapferry/bundle-format/names';
import { loadPreset } from '@gapferry/repository/preset';
import type { Command, Input, Result } from '@gapferry/station/command/command';
import { makeFolder, writeNew } from '@gapferry/station/files/durable';
import { writeKeyPair } from '@gapferry/station/keys/files';
import { findPlace, type Place } from '@gapferry/station/media/place';
import { checkPaths, CONFIG_NAME, realPath } from '../configuration/load.ts';
import { importConfig } from '../configuration/schema.ts';
import { configurationText, type InitWish } from '../configuration/template.ts';
import { MediumSession } from '../receiving/session.ts';
import { EMPTY_TRUST } from '../trust/store.ts';
import { writeTrust } from '../trust/file.ts';
import { toGapferry } from '../errors.ts';

export const initCommand: Command = {
  name: 'init',
  says: 'make a configuration and the key pair of this site',
  options: [
    { flags: '--dir <folder>', says: 'where they go', required: true },
    { flags: '--site <name>', says: 'name of this site, as the exporter knows it', required: true },
    {
      flags: '--repository <name=preset:path...>',
      says: 'what is received, and the folder that clients read',
      required: true,
    },
    { flags: '--medium <folder>', says: 'mount point of the media that come' },
    { flags: '--folder <folder>', says: 'a plain folder instead: a share, a drop box' },
  ],
  examples: ['gapferry-import init --dir far --site plant7 --repository debian=apt:/srv/repo --medium /media/usb'],
  run: init,
};

async function init(input: Input): Promise<Result> {
  const folder = resolve(input.text('dir') ?? '.');
  const wish = parseWish(input);
  const path = join(folder, CONFIG_NAME);
  if (existsSync(path)) throw new Misused('ALREADY_THERE', `${path} exists already`, { facts: { path } });
  checkWish(wish, folder);
  for (const repository of wish.repositories) makeFolder(repository.path, 0o755);
  const keys = writeKeyPair(folder, 'site');
  writeTrust(join(folder, 'trust.json'), EMPTY_TRUST);
  writeNew(path, configurationText(wish), 0o600);
  const laid = await layKey(wish, keys.publicPath);
  return {
    status: 0,
    json: { config: path, key: keys.publicPath, fingerprint: keys.fingerprint, laid: laid.path, notLaid: laid.why },
    lines: [
      `configuration  ${path}`,
      `public key     ${keys.publicPath}`,
      `fingerprint    ${keys.fingerprint}`,
      laid.path === null ? `the key was not laid onto the medium: ${laid.why ?? ''}` : `the key lies at ${laid.path}`,
      '',
      'next: tell the fingerprint to the exporter by voice or on paper, and enrol the exporter here:',
      `  gapferry-import trust add exporter.pub --fingerprint F --config ${path}`,
    ],
    quiet: [keys.fingerprint],
  };
}

function parseWish(input: Input): InitWish {
  const site = input.text('site') ?? '';
  assertName('site', site);
  return { site, repositories: input.list('repository').map(parseRepository), place: parsePlace(input) };
}

/** NAME=PRESET:PATH; the path may hold colons. */
function parseRepository(text: string): InitWish['repositories'][number] {
  const [, name = '', preset = '', path = ''] = /^([^=]+)=([^:]+):(.+)$/s.exec(text) ?? [];
  if (path === '') throw new Misused('USAGE', `--repository ${JSON.stringify(text)}: must be NAME=PRESET:PATH`);
  assertName('repository', name);
  loadPreset(preset, []);
  return { name, preset, path: resolve(path) };
}

function parsePlace(input: Input): Place {
  const [medium, folder] = [input.text('medium'), input.text('folder')];
  if ((medium === undefined) === (folder === undefined)) throw new Misused('USAGE', 'give either --medium or --folder');
  return medium === undefined
    ? { kind: 'folder', path: resolve(folder ?? '.') }
    : { kind: 'medium', path: resolve(medium) };
}

/** What would be refused at the first start is refused before anything is written. */
function checkWish({ site, repositories, place }: InitWish, folder: string): void {
  const names = repositories.map(({ name }) => name);
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) throw new Misused('USAGE', `--repository names ${twice} twice`);
  const config = importConfig(folder).parse({
    site,
    repositories: Object.fromEntries(repositories.map(({ name, preset, path }) => [name, { preset, path }])),
    media: [place.kind === 'medium' ? { medium: place.path } : { folder: place.path }],
  });
  checkPaths(config, realPath);
}

/** The public half travels on the medium, so that the exporter's side need not copy it by hand. It is trusted there by its fingerprint only. */
async function layKey(
  { site, place }: InitWish,
  publicPath: string,
): Promise<{ path: string | null; why: string | null }> {
  let presence;
  try {
    presence = findPlace(place);
  } catch (error) {
    return { path: null, why: toGapferry(error).message };
  }
  if (presence === undefined)
    return {
      path: null,
      why: place.kind === 'medium' ? `nothing is mounted at ${place.path}` : `there is no folder ${place.path}`,
    };
  const medium = new MediumSession(presence.path, 60_000);
  const name = `${site}.pub`;
  try {
    await medium.lay({ root: presence.path, under: KEYS, files: [{ from: publicPath, name }], keep: null });
    return { path: join(presence.path, KEYS, name), why: null };
  } catch (error) {
    return { path: null, why: toGapferry(error).message };
  } finally {
    await medium.stop();
  }
}
