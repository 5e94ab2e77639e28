/** Finds, reads and checks preset files. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isName, Misused } from '@gapferry/bundle-format';
import { parseDocument } from 'yaml';
import { faultText, presetFile, type Preset } from './preset-schema.ts';

const SUFFIX = '.yaml';
/** Characters. A preset is a page of globs. */
const LONGEST_FILE = 256 * 1024;

/**
 * Where the shipped presets lie. In the source tree that is config/presets, three folders above both src/ and dist/; a packed package
 * has its own copy beside dist/ (made by `prepack`).
 */
const shippedFolder = (): string => {
  const tree = fileURLToPath(new URL('../../../config/presets', import.meta.url));
  return existsSync(join(tree, `tree${SUFFIX}`)) ? tree : fileURLToPath(new URL('../presets', import.meta.url));
};

const invalid = (says: string, facts: Record<string, string> = {}, hint?: string): Misused =>
  new Misused('PRESET_INVALID', says, hint === undefined ? { facts } : { facts, hint });

/**
 * Checks the text of a preset file.
 * @param name of the preset, @param text YAML, @param file as it is to be named in messages
 * @throws Misused PRESET_INVALID with file, path of every bad key, and what is expected there
 */
export const parsePreset = (name: string, text: string, file: string): Preset => {
  if (text.length > LONGEST_FILE) throw invalid(`${file}: larger than any good preset`, { file });
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault !== undefined) throw invalid(`${file}: ${fault.message.split('\n')[0] ?? 'not YAML'}`, { file });
  const checked = presetFile.safeParse(plainValue(document, file));
  if (!checked.success) throw invalid(`${file}: ${checked.error.issues.map(faultText).join('; ')}`, { file });
  return { name, ...checked.data };
};

const plainValue = (document: ReturnType<typeof parseDocument>, file: string): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new Misused('PRESET_INVALID', `${file}: ${cause instanceof Error ? cause.message : 'not YAML'}`, { cause });
  }
};

const namesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith(SUFFIX))
        .map((file) => file.slice(0, -SUFFIX.length))
        .filter(isName)
    : [];

/** The names of all presets there are, sorted. @param folders of the user's own presets */
export const listPresets = (folders: readonly string[]): string[] =>
  [...new Set([...folders, shippedFolder()].flatMap(namesIn))].toSorted();

/**
 * Loads a preset by its name: from the first of the user's folders that has it, else the shipped one.
 * @param folders of the user's own presets, in order of preference
 * @throws Misused PRESET_INVALID when there is none of this name, or its file is not a good preset
 */
export const loadPreset = (name: string, folders: readonly string[]): Preset => {
  const file = isName(name)
    ? [...folders, shippedFolder()].map((folder) => join(folder, name + SUFFIX)).find((path) => existsSync(path))
    : undefined;
  if (file === undefined) {
    const hint = `presets there are: ${listPresets(folders).join(', ')}`;
    throw invalid(`there is no preset ${JSON.stringify(name)}`, { preset: name }, hint);
  }
  return parsePreset(name, readText(file), file);
};

const readText = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Misused('PRESET_INVALID', `${file}: cannot be read`, { facts: { file }, cause });
  }
};
