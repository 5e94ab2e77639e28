/** A repository of the configuration with its preset loaded. */

import { sha256Of } from '@gapferry/bundle-format/sha256';
import { loadPreset } from '@gapferry/repository';
import type { ExportConfig } from '../configuration/schema.ts';
import type { SourceSetting } from './snapshot.ts';

/** @throws Misused PRESET_INVALID */
export const sourceSetting = (config: ExportConfig, name: string): SourceSetting => {
  const repository = config.repositories.get(name);
  if (repository === undefined) throw new TypeError(`no repository ${name}`);
  const preset = loadPreset(repository.preset, config.presets);
  return { name, root: repository.path, preset, presetDigest: sha256Of(Buffer.from(JSON.stringify(preset))) };
};
