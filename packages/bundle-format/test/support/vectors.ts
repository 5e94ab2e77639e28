/** Reads the vectors of test/vectors; test/vectors/README.md says what they mean. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Edit, FileInVector, Vector } from '../../../../scripts/vectors/vector.ts';

export const VECTORS: string = join(import.meta.dirname, '..', '..', '..', '..', 'test', 'vectors');

export const vectorsIn = (folder: 'bad' | 'accepted'): readonly (readonly [name: string, vector: Vector])[] =>
  readdirSync(join(VECTORS, folder))
    .toSorted()
    .map((file) => [
      file.replace(/\.json$/, ''),
      JSON.parse(readFileSync(join(VECTORS, folder, file), 'utf8')) as Vector,
    ]);

export const goodBundle = (name: string): Map<string, Buffer> =>
  new Map(
    readdirSync(join(VECTORS, 'good', name)).map((file) => [file, readFileSync(join(VECTORS, 'good', name, file))]),
  );

const bytesOf = (file: Exclude<FileInVector, null>): Buffer =>
  'text' in file ? Buffer.from(file.text) : Buffer.from(file.base64, 'base64');

export function applyFiles(files: Map<string, Buffer>, changes: Readonly<Record<string, FileInVector>>): void {
  for (const [name, file] of Object.entries(changes)) {
    if (file === null) files.delete(name);
    else files.set(name, bytesOf(file));
  }
}

export function applyEdit(files: Map<string, Buffer>, edit: Edit): void {
  const bytes = files.get(edit.file);
  if (bytes === undefined) throw new Error(`${edit.file} is not there to be edited`);
  if ('cut' in edit) files.set(edit.file, bytes.subarray(0, edit.cut));
  else if ('append' in edit)
    files.set(edit.file, Buffer.concat([bytes, Buffer.from(edit.append.text.repeat(edit.append.times))]));
  else {
    const bent = Buffer.from(bytes);
    bent[edit.xor.at] = (bent[edit.xor.at] ?? 0) ^ edit.xor.with;
    files.set(edit.file, bent);
  }
}
