/**
 * A strict reader for signed JSON (format §2.3): UTF-8 without byte order mark, no duplicate key, integers that JavaScript holds exactly, bounded depth.
 * `JSON.parse` keeps the last of two equal keys and rounds large integers, so two readers could understand one signed document differently.
 */
import { Refused } from './errors.ts';
import { LIMITS } from './limits.ts';

export type JSONValue = null | boolean | number | string | readonly JSONValue[] | JSONObject;
/** A Map, so that no key of a document can ever be a prototype. */
export type JSONObject = ReadonlyMap<string, JSONValue>;

/** @throws Refused LIMIT_MANIFEST, JSON_INVALID, JSON_DUPLICATE_KEY */
export function parseStrictJSON(bytes: Uint8Array, what: string, maxBytes: number): JSONValue {
  if (bytes.length > maxBytes)
    throw new Refused(
      'LIMIT_MANIFEST',
      `${what}: ${bytes.length} bytes are more than the ${maxBytes} that are allowed`,
    );
  return new StrictReader(decodeUtf8(bytes, what), what).document();
}

export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Refused('JSON_INVALID', `${what}: is not UTF-8`, { cause });
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)/y;
// A whole string token as RFC 8259 section 7 allows it; JSON.parse then decodes its escapes.
// oxlint-disable-next-line no-control-regex
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

class StrictReader {
  readonly #text: string;
  readonly #what: string;
  #at = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  document(): JSONValue {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) this.#fail('something stands after the document');
    return value;
  }

  #fail(why: string): never {
    throw new Refused('JSON_INVALID', `${this.#what}: at character ${this.#at}: ${why}`);
  }

  #space(): void {
    for (; ; this.#at++) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
    }
  }

  #value(depth: number): JSONValue {
    if (depth > LIMITS.jsonDepth) this.#fail(`nested deeper than ${LIMITS.jsonDepth}`);
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#integer();
    }
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('a value was expected');
    this.#at += word.length;
    return value;
  }

  #token(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0];
    if (token !== undefined) this.#at += token.length;
    return token;
  }

  #string(): string {
    const token = this.#token(STRING);
    if (token === undefined) this.#fail('a string is not well formed');
    const value: unknown = JSON.parse(token);
    if (typeof value !== 'string' || !value.isWellFormed()) this.#fail('a string is not well-formed Unicode');
    return value;
  }

  #integer(): number {
    const token = this.#token(NUMBER);
    if (token === undefined) this.#fail('a value was expected');
    if (/[.eE0-9]/.test(this.#text[this.#at] ?? '')) this.#fail('only plain integers are allowed');
    const value = Number(token);
    if (!Number.isSafeInteger(value) || Object.is(value, -0))
      this.#fail(`the number ${token.slice(0, 40)} is not an exact integer`);
    return value;
  }

  #array(depth: number): JSONValue[] {
    const items: JSONValue[] = [];
    this.#at++;
    for (this.#space(); this.#text[this.#at] !== ']'; this.#space()) {
      if (items.length > 0) this.#comma();
      items.push(this.#value(depth + 1));
    }
    this.#at++;
    return items;
  }

  #object(depth: number): JSONObject {
    const fields = new Map<string, JSONValue>();
    this.#at++;
    for (this.#space(); this.#text[this.#at] !== '}'; this.#space()) {
      if (fields.size > 0) this.#comma();
      this.#space();
      const key = this.#string();
      if (fields.has(key))
        throw new Refused('JSON_DUPLICATE_KEY', `${this.#what}: the key ${JSON.stringify(key)} stands twice`);
      this.#space();
      if (this.#text[this.#at] !== ':') this.#fail("':' was expected");
      this.#at++;
      fields.set(key, this.#value(depth + 1));
    }
    this.#at++;
    return fields;
  }

  #comma(): void {
    if (this.#text[this.#at] !== ',') this.#fail("',' or the end was expected");
    this.#at++;
  }
}
