/** The index while a bundle is written: rows go to a file of this machine as soon as their place in a volume is known. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { encodeIndexRow, type IndexRow } from '@gapferry/bundle-format/object-index';
import { type Sha256, Sha256Stream } from '@gapferry/bundle-format/sha256';

const FLUSH_CHARACTERS = 1 << 20;

export class IndexFile {
  readonly path: string;
  readonly #fd: number;
  readonly #digest = new Sha256Stream();
  #text: string[] = [];
  #characters = 0;
  #rows = 0;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'w', 0o600);
  }

  add(row: IndexRow): void {
    const line = encodeIndexRow(row);
    this.#text.push(line);
    this.#characters += line.length;
    this.#rows++;
    if (this.#characters >= FLUSH_CHARACTERS) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.from(this.#text.join(''));
    this.#digest.update(bytes);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
    this.#text = [];
    this.#characters = 0;
  }

  end(): { path: string; bytes: number; sha256: Sha256; rows: number } {
    this.#flush();
    closeSync(this.#fd);
    return { path: this.path, bytes: this.#digest.bytes, sha256: this.#digest.digest(), rows: this.#rows };
  }
}
