/** A ring of blocks that two threads share: one reads and checks ahead, the other takes the blocks in their order. */
export const SLOTS = 4;

const EMPTY = 0;
const GOOD = 1;
/** Could not be read, or is not what was signed: whoever needs the block reads it again and says so. */
const BAD = 2;

export class Ring {
  readonly shared: SharedArrayBuffer;
  readonly #states: Int32Array;
  readonly #blockBytes: number;

  /** @param shared the ring of the other thread; a new one without it */
  constructor(blockBytes: number, shared: SharedArrayBuffer = new SharedArrayBuffer(SLOTS * blockBytes + SLOTS * 4)) {
    this.shared = shared;
    this.#blockBytes = blockBytes;
    this.#states = new Int32Array(shared, SLOTS * blockBytes, SLOTS);
  }

  /** The bytes of a block's slot. */
  slot(index: number, length: number): Uint8Array {
    return new Uint8Array(this.shared, (index % SLOTS) * this.#blockBytes, length);
  }

  /** Waits until the slot is free to be filled. */
  waitEmpty(index: number): void {
    for (;;) {
      const state = Atomics.load(this.#states, index % SLOTS);
      if (state === EMPTY) return;
      Atomics.wait(this.#states, index % SLOTS, state);
    }
  }

  put(index: number, good: boolean): void {
    this.#set(index, good ? GOOD : BAD);
  }

  /** Waits until the block is there. @returns whether it is good */
  waitFull(index: number): boolean {
    for (;;) {
      const state = Atomics.load(this.#states, index % SLOTS);
      if (state !== EMPTY) return state === GOOD;
      Atomics.wait(this.#states, index % SLOTS, state);
    }
  }

  free(index: number): void {
    this.#set(index, EMPTY);
  }

  #set(index: number, state: number): void {
    Atomics.store(this.#states, index % SLOTS, state);
    Atomics.notify(this.#states, index % SLOTS);
  }
}
