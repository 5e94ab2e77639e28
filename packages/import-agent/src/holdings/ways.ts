/** Folders on the way to published paths: each must be a real one. A link put in the place of a folder would lead every look at what is below it elsewhere. */
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, withFaults } from '@gapferry/station/files/fault';

export class Ways {
  readonly #root: string;
  readonly #real = new Map<string, boolean>();
  /** The first folder that is something else now. */
  tampered: string | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  /** Is every folder above the path real, as far as there is one? */
  isReal(path: string): boolean {
    const parent = dirname(path);
    if (parent === '.') return true;
    const known = this.#real.get(parent);
    if (known !== undefined) return known;
    const real = this.isReal(parent) && this.#look(parent);
    this.#real.set(parent, real);
    return real;
  }

  #look(folder: string): boolean {
    const path = join(this.#root, folder);
    return withFaults({ where: 'machine', doing: 'read', what: path }, () => {
      try {
        const stat = lstatSync(path, { throwIfNoEntry: false });
        if (stat?.isSymbolicLink() === true) this.tampered ??= folder;
        return stat === undefined || stat.isDirectory();
      } catch (error) {
        if (errnoOf(error) === 'ENOTDIR') return false;
        throw error;
      }
    });
  }
}
