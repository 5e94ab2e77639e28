/** Random things that are the same in every run. */
import { createCipheriv, createHash } from 'node:crypto';

/** The same `length` bytes for the same seed; incompressible. */
export const seededBytes = (seed: string, length: number): Buffer => {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
};

/** Numbers below a limit, from a seed. */
export class Dice {
  #seed: string;
  #throws = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** An integer, at least 0 and less than `limit`. */
  below(limit: number): number {
    this.#throws += 1;
    return seededBytes(`${this.#seed} ${this.#throws}`, 8).readUIntBE(0, 6) % limit;
  }

  pick<T>(from: readonly T[]): T {
    const chosen = from[this.below(from.length)];
    if (chosen === undefined) throw new Error('nothing to pick from');
    return chosen;
  }
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
