/** Reads the configuration, and checks what a schema cannot: folders that lie within each other. */
import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { Misused } from '@gapferry/bundle-format/errors';
import { loadConfig } from '@gapferry/station/configuration/load';
import { type ImportConfig, importConfig } from './schema.ts';

export const CONFIG_NAME = 'import-agent.yaml';

/** Is `inner` the folder `outer`, or within it? Both absolute. */
export const isWithin = (outer: string, inner: string): boolean => {
  const way = relative(outer, inner);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
};

interface Named {
  readonly name: string;
  readonly path: string;
}

/**
 * A target within a medium would be published from, and a state within a target would be published.
 * @param real gives the path behind links, so that two names of one folder are seen as one
 * @throws Misused CONFIG_PATHS naming both keys
 */
export function checkPaths(config: ImportConfig, real: (path: string) => string = (path) => path): void {
  const named = (name: string, path: string): Named => ({ name, path: real(path) });
  const targets = [...config.repositories].map(([name, { path }]) => named(`repositories.${name}.path`, path));
  const media = config.media.map(({ kind, path }, n) => named(`media[${n}].${kind}`, path));
  const own = (['state', 'logs', 'key', 'trust'] as const).map((key) => named(key, config[key]));
  for (const { name, path } of [...targets, ...media])
    if (path === dirname(path)) throw misplaced(`${name} is the root of the filesystem`, path, path);
  for (const target of targets) for (const one of [...media, ...own]) mustBeApart(target, one);
  for (const place of media) for (const one of [...targets, ...own]) mustBeApart(place, one);
  targets.forEach((a, i) => targets.slice(i + 1).forEach((b) => (mustBeApart(a, b), mustBeApart(b, a))));
  media.forEach((a, i) => media.slice(i + 1).forEach((b) => (mustBeApart(a, b), mustBeApart(b, a))));
}

function mustBeApart(outer: Named, inner: Named): void {
  if (isWithin(outer.path, inner.path))
    throw misplaced(`${inner.name} (${inner.path}) lies within ${outer.name} (${outer.path})`, outer.path, inner.path);
}

const misplaced = (says: string, outer: string, inner: string): Misused =>
  new Misused('CONFIG_PATHS', says, { facts: { outer, inner } });

/** The path with all links in it followed, as far as it exists. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
  }
}

/** @throws Misused CONFIG_INVALID, CONFIG_PATHS */
export function loadImportConfig(path: string): ImportConfig {
  const config = loadConfig(path, importConfig);
  checkPaths(config, realPath);
  return config;
}
