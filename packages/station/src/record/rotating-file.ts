/**
 * A log file that never grows without end and never stops its program: `x.log`, then `x.1.log` (newer) to `x.4.log` (older).
 *
 * winston's own file transport writes later and gives up after the first error of its stream. Here each line is written at once, with the next line
 * tried again after a full disk, and a line that says how many were lost.
 */
import { closeSync, fchmodSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } from '../files/open-flags.ts';
import { makeFolder } from '../files/durable.ts';

export interface RotatingFileOptions {
  readonly folder: string;
  /** Without `.log`. */
  readonly name: string;
  readonly maxBytes: number;
  /** How many files in all. */
  readonly maxFiles: number;
}

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #fd: number | undefined;
  #bytes = 0;
  #lost = 0;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** `line` with its line feed. Never throws: a log that cannot be written must not stop an import. */
  write(line: string): void {
    try {
      if (this.#lost > 0) this.#append(this.#confession());
      this.#lost = 0;
      this.#append(line);
    } catch {
      this.#lost++;
      this.#closeFile(); // the folder may have been moved, the disk exchanged: begin anew with the next line
    }
  }

  close(): void {
    this.#closeFile();
  }

  #confession(): string {
    const says = `${this.#lost} lines of this log could not be written and are lost`;
    return `${JSON.stringify({ at: new Date().toISOString(), level: 'warn', says })}\n`;
  }

  #append(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#fd === undefined) this.#open();
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#options.maxBytes) this.#rotate();
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd ?? -1, bytes, at);
    this.#bytes += bytes.length;
  }

  #path(age: number): string {
    return join(this.#options.folder, `${this.#options.name}${age === 0 ? '' : `.${age}`}.log`);
  }

  #open(): void {
    makeFolder(dirname(this.#path(0)));
    this.#fd = openSync(this.#path(0), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    fchmodSync(this.#fd, 0o600);
    this.#bytes = fstatSync(this.#fd).size;
  }

  #rotate(): void {
    this.#closeFile();
    rmSync(this.#path(this.#options.maxFiles - 1), { force: true });
    for (let age = this.#options.maxFiles - 2; age >= 0; age--) {
      try {
        renameSync(this.#path(age), this.#path(age + 1));
      } catch {
        // not every age exists yet
      }
    }
    this.#open();
  }

  #closeFile(): void {
    if (this.#fd === undefined) return;
    try {
      closeSync(this.#fd);
    } catch {
      // nothing more can be done for it
    }
    this.#fd = undefined;
  }
}
