/** What both stories need: a screen, promises to keep, a folder for everything, and an order of cleaning up. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatBytes } from '@gapferry/station/format/bytes';
import { Promises } from './promises.ts';
import { rate, Screen, seconds } from './screen.ts';

/** One row of the table at the end. */
export interface Row {
  readonly round: string;
  readonly what: string;
  readonly bytes: number;
  /** From the first byte on the medium to the signature; undefined where nothing was written. */
  readonly outMs?: number;
  /** From the arrival at the far side to the receipt that says *published*. */
  readonly inMs?: number;
}

export class Stage {
  readonly screen = new Screen();
  readonly promises: Promises = new Promises(this.screen);
  /** Removed at the end, unless something went wrong. */
  readonly root: string = realpathSync(mkdtempSync(join(tmpdir(), 'gapferry-demo-')));
  readonly rows: Row[] = [];
  readonly #cleaners: (() => void)[] = [];

  /** Done at the end whatever happens, the last one first. */
  onEnd(clean: () => void): void {
    this.#cleaners.push(clean);
  }

  end(keep: boolean): void {
    for (const clean of this.#cleaners.reverse()) clean();
    this.#cleaners.length = 0;
    if (!keep) rmSync(this.root, { recursive: true, force: true });
  }

  showTable(): void {
    const right = 'right' as const;
    this.screen.table(
      [
        { title: 'round' },
        { title: 'what crossed' },
        { title: 'bytes', align: right },
        { title: 'out', align: right },
        { title: 'in', align: right },
        { title: 'rate', align: right },
      ],
      this.rows.map(({ round, what, bytes, outMs, inMs }) => [
        round,
        what,
        formatBytes(bytes),
        outMs === undefined ? '' : seconds(outMs),
        inMs === undefined ? '' : seconds(inMs),
        outMs === undefined || inMs === undefined ? '' : rate(bytes, outMs + inMs),
      ]),
    );
  }
}
