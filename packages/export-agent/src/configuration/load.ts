/** Reads the configuration, and checks what a schema cannot: names that refer to each other, folders that lie within each other. */

import { isAbsolute, relative } from 'node:path';
import { GapferryError, Misused } from '@gapferry/bundle-format/errors';
import { loadPreset } from '@gapferry/repository';
import { loadConfig } from '@gapferry/station/configuration/load';
import { type ExportConfig, exportConfig } from './schema.ts';

export const CONFIG_NAME = 'export-agent.yaml';

/** Is `inner` the folder `outer`, or within it? */
export const isWithin = (outer: string, inner: string): boolean => {
  const way = relative(outer, inner);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
};

const assertNames = (config: ExportConfig): void => {
  for (const [site, repositories] of config.sites)
    for (const repository of repositories ?? [])
      if (!config.repositories.has(repository))
        throw new Misused('CONFIG_INVALID', `sites.${site}.repositories: there is no repository ${repository}`, {
          facts: { site, repository },
        });
};

/** A state folder or an outbox within a source would be exported; a medium within a source would carry itself. */
const assertPaths = (config: ExportConfig): void => {
  const sources = [...config.repositories].map(([name, { path }]) => [`repositories.${name}.path`, path] as const);
  const others = [
    ['state', config.state] as const,
    ['logs', config.logs] as const,
    ['key', config.key] as const,
    ...config.media.map(({ kind, path }, n) => [`media[${n}].${kind}`, path] as const),
  ];
  for (const [source, root] of sources)
    for (const [other, path] of others)
      if (isWithin(root, path))
        throw new Misused('CONFIG_PATHS', `${other} (${path}) lies within ${source} (${root})`, {
          facts: { outer: root, inner: path },
        });
  for (const { path } of config.media)
    for (const [other, inner] of others.slice(0, 3))
      if (isWithin(path, inner))
        throw new Misused('CONFIG_PATHS', `${other} (${inner}) lies on the medium ${path}`, {
          facts: { outer: path, inner },
        });
};

/** A preset that is missing or bad is told now, not by the run that would have needed it. */
const assertPresets = (path: string, config: ExportConfig): void => {
  for (const [name, { preset }] of config.repositories)
    try {
      loadPreset(preset, config.presets);
    } catch (error) {
      if (!(error instanceof GapferryError) || error.code !== 'PRESET_INVALID') throw error;
      const { facts, hint } = error;
      throw new Misused('PRESET_INVALID', `${path}: repositories.${name}.preset: ${error.message}`, {
        facts: { ...facts, repository: name },
        hint,
        cause: error,
      });
    }
};

/**
 * @throws Misused CONFIG_INVALID, CONFIG_PATHS, CONFIG_PERMS, PRESET_INVALID
 */
export const loadExportConfig = (path: string): ExportConfig => {
  const config = loadConfig(path, exportConfig);
  assertNames(config);
  assertPaths(config);
  assertPresets(path, config);
  return config;
};
