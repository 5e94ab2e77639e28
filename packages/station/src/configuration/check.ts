/** YAML text against a schema. Pure. Lists every mistake, with its line and the path of its key. */
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';

export type Checked<T> =
  | { readonly good: true; readonly value: T }
  /** Each: `line 12: bundle.expires: must be a duration with a unit, such as 14 days or 30 min`. */
  | { readonly good: false; readonly mistakes: readonly string[] };

interface Mistake {
  readonly path: readonly PropertyKey[];
  readonly says: string;
}

const WHOLE_FILE = 'the file';

/** media[0].medium */
const showPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((shown, part) => {
    if (typeof part === 'number') return `${shown}[${part}]`;
    return shown === '' ? String(part) : `${shown}.${String(part)}`;
  }, '') || WHOLE_FILE;

/** Offset in the text of the key at `path`, or of the nearest thing above it that exists. */
const offsetOf = (document: Document, path: readonly PropertyKey[]): number => {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const name = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(name));
      if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
    }
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
};

const KINDS: Readonly<Record<string, string>> = {
  object: 'a group of keys',
  array: 'a list',
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  record: 'a group of keys',
  int: 'a whole number',
};

const ownWords = (issue: z.core.$ZodIssue, present: boolean): string => {
  if (!present && issue.code === 'invalid_type') return 'is missing';
  if (issue.code === 'invalid_type') return `must be ${KINDS[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be ${issue.values.map(String).join(' or ')}`;
  return issue.message;
};

/** One issue as one or more mistakes: unknown keys are named each, of a union the branch that fits best speaks. */
const mistakesOf = (issue: z.core.$ZodIssue, above: readonly PropertyKey[], root: unknown): Mistake[] => {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], says: 'there is no such key' }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const best = issue.errors.reduce((a, b) => (b.length < a.length ? b : a));
    return best.flatMap((each) => mistakesOf(each, path, root));
  }
  if (issue.code === 'invalid_key' && issue.issues.length > 0) {
    return issue.issues.map((each) => ({ path, says: `the name ${ownWords(each, true)}` }));
  }
  return [{ path, says: ownWords(issue, valueAt(root, path) !== undefined) }];
};

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, part) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    return Object.entries(value).find(([name]) => name === String(part))?.[1];
  }, root);

/** Reads YAML 1.2 core: duplicate keys, unknown tags, several documents and runaway aliases are mistakes. */
export const checkYaml = <T>(text: string, schema: z.ZodType<T>): Checked<T> => {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    strict: true,
    stringKeys: true,
    version: '1.2',
  });
  const at = (offset: number): string => `line ${Math.max(1, lines.linePos(offset).line)}`;
  const spelling = [...document.errors, ...document.warnings];
  if (spelling.length > 0) {
    return { good: false, mistakes: spelling.map((error) => `${at(error.pos[0])}: ${error.message}`) };
  }
  if (document.contents === null) return { good: false, mistakes: ['line 1: the file is empty'] };
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { good: false, mistakes: [error instanceof Error ? error.message : String(error)] };
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { good: true, value: parsed.data };
  const mistakes = parsed.error.issues.flatMap((issue) => mistakesOf(issue, [], raw));
  return {
    good: false,
    mistakes: mistakes.map(({ path, says }) => `${at(offsetOf(document, path))}: ${showPath(path)}: ${says}`),
  };
};
