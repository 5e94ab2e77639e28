/**
 * Control files of Debian (deb822(5)): paragraphs of `Field: value` lines, continued by lines that begin with white space, parted by
 * blank lines. Read as a stream: a Packages file of 60 MB never stands in memory.
 */

import { BadMetadata } from '../bad-metadata.ts';

/** Field name in lower case → value; continuation lines are joined with line feeds, each without white space around it. */
export type Paragraph = ReadonlyMap<string, string>;

/** Characters. Real lines stay far below; without a bound, one endless line would fill the memory. */
const LONGEST_LINE = 4 * 1024 * 1024;
/** Characters of the wanted fields of one paragraph; the Release of a large suite has about 1 MB. */
const LARGEST_PARAGRAPH = 64 * 1024 * 1024;

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const HASH = 0x23;

export class ParagraphReader {
  readonly #wanted: ReadonlySet<string>;
  /** Not fatal: descriptions of old archives have other encodings, and a file name in one would not resolve anyway. */
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #rest = '';
  #line = 0;
  #inside = false;
  #size = 0;
  #fields = new Map<string, string[]>();
  #current: string[] | undefined;
  #done: Paragraph[] = [];

  /** @param wanted lower-case names of the fields to keep; all others are skipped */
  constructor(wanted: readonly string[]) {
    this.#wanted = new Set(wanted);
  }

  /** Takes the next bytes and returns the paragraphs that became complete. @throws BadMetadata */
  push(chunk: Uint8Array): Paragraph[] {
    this.#lines(this.#rest + this.#decoder.decode(chunk, { stream: true }));
    return this.#take();
  }

  /** Ends the input and returns what was still open. @throws BadMetadata */
  end(): Paragraph[] {
    this.#lines(`${this.#rest}${this.#decoder.decode()}\n`);
    this.#endParagraph();
    return this.#take();
  }

  #take(): Paragraph[] {
    const done = this.#done;
    this.#done = [];
    return done;
  }

  #lines(text: string): void {
    let from = 0;
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      this.#oneLine(text, from, to);
      from = to + 1;
    }
    this.#rest = text.slice(from);
    if (this.#rest.length > LONGEST_LINE) throw new BadMetadata(`has a line longer than ${LONGEST_LINE} characters`);
  }

  /** `text.slice(from, to)` is the line. Lines of unwanted fields, nearly all of a Packages file, are never cut out. */
  #oneLine(text: string, from: number, to: number): void {
    this.#line += 1;
    const first = from === to ? LINE_FEED : text.charCodeAt(from);
    if (first === SPACE || first === TAB) return this.#continuation(text, from, to);
    if (first === LINE_FEED || (to === from + 1 && text[from] === '\r')) return this.#endParagraph();
    if (first === HASH) return;
    const colon = text.indexOf(':', from);
    if (colon <= from || colon >= to) throw new BadMetadata(`has no field name in line ${this.#line}`);
    this.#inside = true;
    this.#field(text.slice(from, colon).toLowerCase(), text.slice(colon + 1, to).trim());
  }

  #continuation(text: string, from: number, to: number): void {
    if (this.#current !== undefined) this.#keep(this.#current, text.slice(from, to).trim());
    // A line of white space alone ends a paragraph for some writers, and continues nothing for all.
    else if (!this.#inside && text.slice(from, to).trim() !== '') {
      throw new BadMetadata(`continues a field that never began, in line ${this.#line}`);
    }
  }

  #field(name: string, value: string): void {
    this.#current = undefined;
    if (!this.#wanted.has(name)) return;
    // Two values for one field: which one a client believes depends on the client.
    if (this.#fields.has(name))
      throw new BadMetadata(`has the field ${name} twice in one paragraph, in line ${this.#line}`);
    this.#current = [];
    this.#fields.set(name, this.#current);
    this.#keep(this.#current, value);
  }

  #keep(lines: string[], value: string): void {
    this.#size += value.length;
    if (this.#size > LARGEST_PARAGRAPH)
      throw new BadMetadata(`has a paragraph larger than ${LARGEST_PARAGRAPH} characters`);
    lines.push(value);
  }

  #endParagraph(): void {
    if (this.#inside) this.#done.push(new Map([...this.#fields].map(([name, lines]) => [name, lines.join('\n')])));
    this.#inside = false;
    this.#fields = new Map();
    this.#current = undefined;
    this.#size = 0;
  }
}
