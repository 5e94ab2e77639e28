/** Takes ordered objects out of the volumes of one bundle on one medium, into staging folders. */
import { type Damaged, errorToJSON, GapferryError } from '@gapferry/bundle-format/errors';
import { type IndexRow, readIndex } from '@gapferry/bundle-format/object-index';
import { walkVolume } from '@gapferry/bundle-format/volume-walk';
import type { Tell } from '@gapferry/station/media/serve';
import { checkedBlocks } from './read-ahead.ts';
import { type Order, readChunks, readOrders } from './orders.ts';
import type { ReceiveAsk, ReceiveEvent, ReceiveReply, VolumeAsk } from './requests.ts';
import { type Group, StagingWriter } from './staging.ts';
import { openVolume, type OpenVolume } from './volumes.ts';
import { CheckedVolume } from '@gapferry/bundle-format/blocks';

/** A dying medium takes seconds for each read that fails: after so many, the volume is given up. */
const MOST_READ_FAILURES = 8;

/**
 * @param written hears of groups that are written and wait for their flush
 *
 * A damaged block costs the objects in it: it is told, and the rest of the volume is taken. Volumes that are not there are named in the reply.
 * @throws Unfit LOCAL_FULL, LOCAL_IO, MEDIA_GONE
 */
export function receive(
  ask: ReceiveAsk,
  tell: Tell<ReceiveEvent>,
  written: (groups: readonly Group[]) => void,
): ReceiveReply {
  const run = new Receiving(ask, tell, written);
  for (const volume of ask.volumes) run.take(volume);
  return run.end();
}

class Receiving {
  readonly #ask: ReceiveAsk;
  readonly #tell: Tell<ReceiveEvent>;
  readonly #writer: StagingWriter;
  readonly #rows: NumberedRows;
  readonly #orders: Peekable<Order>;
  readonly #absent: string[] = [];
  readonly #whole: number[] = [];
  readonly #toldBlocks = new Set<string>();
  #objects = 0;
  #bytes = 0;

  constructor(ask: ReceiveAsk, tell: Tell<ReceiveEvent>, written: (groups: readonly Group[]) => void) {
    this.#ask = ask;
    this.#tell = tell;
    this.#rows = new NumberedRows(readIndex(readChunks(ask.index)));
    this.#orders = new Peekable(readOrders(ask.orders));
    this.#writer = new StagingWriter(ask.stagings, (groups) => {
      for (const { objects } of groups) {
        this.#objects += objects.length;
        for (const { size } of objects) this.#bytes += size;
      }
      written(groups);
    });
  }

  take(volume: VolumeAsk): void {
    let open: OpenVolume | undefined;
    try {
      open = openVolume(this.#ask.folder, volume);
      if (open === undefined) this.#absent.push(volume.name);
      else this.#walk(volume, open);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#damaged(error);
    } finally {
      open?.close();
    }
  }

  #walk(volume: VolumeAsk, open: OpenVolume): void {
    let failures = 0;
    const blocks = checkedBlocks(volume, open, (bytes) => this.#tell({ kind: 'read', bytes }));
    try {
      walkVolume(
        new CheckedVolume(blocks),
        this.#rows.of(volume.number),
        (row) => this.#taker(row),
        (_, damage) => {
          this.#damaged(damage);
          if (damage.code === 'MEDIA_READ' && ++failures >= MOST_READ_FAILURES) throw damage;
        },
      );
    } finally {
      blocks.close();
    }
    if (blocks.seen.size === open.list.count) this.#whole.push(volume.number);
  }

  #taker(row: IndexRow): ((pieces: Iterable<Uint8Array>) => void) | undefined {
    const number = this.#rows.numberOf(row);
    if (number === undefined) return undefined;
    this.#orders.skipWhile((one) => one.row < number);
    const order = this.#orders.peek();
    if (order?.row !== number) return undefined;
    return (pieces) => {
      this.#tell.alive();
      this.#writer.take(row, order, pieces);
    };
  }

  /** One block that bears ten objects is one damage. */
  #damaged(damage: Damaged): void {
    const { volume, block, path, offset } = damage.facts;
    const key = `${damage.code} ${String(volume ?? path)} ${String(block ?? offset ?? damage.message)}`;
    if (this.#toldBlocks.has(key)) return;
    this.#toldBlocks.add(key);
    this.#tell({ kind: 'damage', error: errorToJSON(damage) });
  }

  end(): ReceiveReply {
    this.#writer.end();
    return { absent: this.#absent, whole: this.#whole, objects: this.#objects, bytes: this.#bytes };
  }
}

const isDamage = (error: unknown): error is Damaged => error instanceof GapferryError && error.kind === 'damaged';

class Peekable<T> {
  readonly #iterator: Iterator<T>;
  #next: IteratorResult<T>;

  constructor(items: Iterable<T>) {
    this.#iterator = items[Symbol.iterator]();
    this.#next = this.#iterator.next();
  }

  peek(): T | undefined {
    return this.#next.done === true ? undefined : this.#next.value;
  }

  advance(): void {
    this.#next = this.#iterator.next();
  }

  skipWhile(test: (item: T) => boolean): void {
    for (let item = this.peek(); item !== undefined && test(item); item = this.peek()) this.advance();
  }
}

/** The rows of an index, volume by volume, with their numbers. The walk reads ahead by one, so a row is told its number by what it is, not by when. */
class NumberedRows {
  readonly #rows: Peekable<IndexRow>;
  readonly #numbers = new WeakMap<IndexRow, number>();
  #next = 0;

  constructor(rows: Iterable<IndexRow>) {
    this.#rows = new Peekable(rows);
  }

  numberOf(row: IndexRow): number | undefined {
    return this.#numbers.get(row);
  }

  *of(volume: number): Generator<IndexRow> {
    for (let row = this.#rows.peek(); row !== undefined && row.volume <= volume; row = this.#rows.peek()) {
      const number = this.#next++;
      this.#rows.advance();
      if (row.volume !== volume) continue;
      this.#numbers.set(row, number);
      yield row;
    }
  }
}
