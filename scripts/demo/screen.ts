/** What the person in front of the demo sees. On a terminal bars are drawn in place and words have colour; elsewhere plain lines, one thought each. */
import { formatBytes } from '@gapferry/station/format/bytes';
import { escapeText } from '@gapferry/station/format/escape';
import { type Column, formatTable } from '@gapferry/station/format/table';

export interface Bar {
  /** So many bytes are done in all. */
  at(bytes: number): void;
  /** Replaces the bar by one line with bytes, seconds and rate. */
  done(bytes: number): void;
  /** Removes it without a word. */
  drop(): void;
}

const CELLS = 28;
const ERASE = '\r\u001b[2K';
const DRAW_EVERY_MS = 40;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
export const rate = (bytes: number, ms: number): string => (ms > 0 ? `${formatBytes((bytes * 1000) / ms)}/s` : '');

export class Screen {
  readonly #live = process.stdout.isTTY === true;
  readonly #colour = this.#live && process.env['NO_COLOR'] === undefined;
  /** A bar stands in the last line. */
  #barStands = false;

  title(text: string): void {
    this.#line(`\n${this.#paint(1, escapeText(text))}`);
  }

  line(text: string): void {
    this.#line(`   ${escapeText(text)}`);
  }

  ok(text: string): void {
    this.#line(`   ${this.#paint(32, '✓')} ${escapeText(text)}`);
  }

  bad(text: string): void {
    this.#line(`   ${this.#paint(31, '✗')} ${escapeText(text)}`);
  }

  /** What stands on the screen that the courier reads from three metres. */
  courier(side: 'near' | 'far', text: string): void {
    this.#line(`   ${side.padEnd(4)} side, courier's screen:  ${this.#paint(36, escapeText(text))}`);
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    for (const line of formatTable(columns, rows)) this.#line(`   ${line}`);
  }

  bar(label: string, totalBytes: number): Bar {
    const began = performance.now();
    let drawn = 0;
    const draw = (bytes: number): void => {
      const now = performance.now();
      if (!this.#live || now - drawn < DRAW_EVERY_MS) return;
      drawn = now;
      const share = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
      const filled = Math.round(share * CELLS);
      const cells = `${'█'.repeat(filled)}${'░'.repeat(CELLS - filled)}`;
      process.stdout.write(
        `${ERASE}   ${label}  ${cells} ${String(Math.floor(share * 100)).padStart(3)} %  ${formatBytes(bytes)}`,
      );
      this.#barStands = true;
    };
    return {
      at: draw,
      done: (bytes) => {
        const ms = performance.now() - began;
        this.#line(`   ${label}  ${formatBytes(bytes)} in ${seconds(ms)}, ${rate(bytes, ms)}`);
      },
      drop: () => this.#erase(),
    };
  }

  #erase(): void {
    if (this.#barStands) process.stdout.write(ERASE);
    this.#barStands = false;
  }

  #line(text: string): void {
    this.#erase();
    process.stdout.write(`${text}\n`);
  }

  #paint(code: number, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}
