// Globs of presets. They judge whole paths with `/` between components, relative to the repository, case-sensitively.
//
//     *        any run of characters within one component, also none; names that begin with a dot are names like others
//     ?        one character (a Unicode code point) within a component
//     **       stands alone between slashes: any number of components. In front and in the middle also none
//              (`**/a` is `a` and `x/y/a`); at the end at least one (`a/**` is all beneath `a`, not `a` itself)
//     {a,b}    one of these; they may be empty, nest, and contain slashes and other wildcards
//     \x       x itself, for any x but `/`
//
// There are no character classes (`[`) and no negation (leading `!`): presets have `exclude` for that, and a glob that means
// something else elsewhere is refused rather than misread.
//
// A list of globs becomes one regular expression, made once. Every construct consumes whole components or stays within one, so the
// work is bounded by a small polynomial in a path length that is itself bounded (4,096 bytes, depth 64).

export type Matcher = (path: string) => boolean;

/** Says why a glob cannot be understood. Caught by `globFault`; callers of `compileGlobs` check first. */
class GlobFault extends Error {}

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' | 'one' | 'deep' | 'slash' }
  | { readonly kind: 'group'; readonly choices: readonly (readonly Node[])[] };

/** Braces with slashes are written out; more variants than this are a mistake. */
const MOST_VARIANTS = 256;
const LONGEST_GLOB = 1024;
/** Deeper braces than this are a mistake, and would only serve to exhaust the stack. */
const DEEPEST_BRACES = 8;

// Reading

class GlobReader {
  readonly #characters: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(glob: string) {
    this.#characters = Array.from(glob);
  }

  readAll(): Node[] {
    const nodes = this.#sequence();
    if (this.#at < this.#characters.length) throw new GlobFault('has a `}` without its `{`');
    return nodes;
  }

  /** Reads up to the end, or to a `}`, or (inside braces) to a `,`, which is left for the caller. */
  #sequence(): Node[] {
    const nodes: Node[] = [];
    for (;;) {
      const character = this.#characters[this.#at];
      if (character === undefined || character === '}' || (character === ',' && this.#depth > 0)) return nodes;
      this.#at += 1;
      nodes.push(this.#node(character));
    }
  }

  #node(character: string): Node {
    switch (character) {
      case '*':
        return this.#star();
      case '?':
        return { kind: 'one' };
      case '/':
        return { kind: 'slash' };
      case '{':
        return this.#group();
      case '[':
        throw new GlobFault('has a `[`: there are no character classes, write `\\[` for the character itself');
      case '\\':
        return this.#escaped();
      default:
        return { kind: 'text', text: character };
    }
  }

  #star(): Node {
    if (this.#characters[this.#at] !== '*') return { kind: 'any' };
    this.#at += 1;
    return { kind: 'deep' };
  }

  #escaped(): Node {
    const character = this.#characters[this.#at];
    if (character === undefined || character === '/') throw new GlobFault('has a `\\` that quotes nothing');
    this.#at += 1;
    return { kind: 'text', text: character };
  }

  #group(): Node {
    this.#depth += 1;
    if (this.#depth > DEEPEST_BRACES) throw new GlobFault(`nests braces more than ${DEEPEST_BRACES} deep`);
    const choices = [this.#sequence()];
    while (this.#characters[this.#at] === ',') {
      this.#at += 1;
      choices.push(this.#sequence());
    }
    if (this.#characters[this.#at] !== '}') throw new GlobFault('has a `{` without its `}`');
    this.#at += 1;
    this.#depth -= 1;
    return { kind: 'group', choices };
  }
}

// Writing out braces that reach over components

const spansComponents = (node: Node): boolean =>
  node.kind === 'slash' ||
  node.kind === 'deep' ||
  (node.kind === 'group' && node.choices.some((choice) => choice.some(spansComponents)));

const writeOut = (nodes: readonly Node[]): Node[][] => {
  let variants: Node[][] = [[]];
  for (const node of nodes) {
    const ends = node.kind === 'group' && spansComponents(node) ? node.choices.flatMap(writeOut) : [[node]];
    if (variants.length * ends.length > MOST_VARIANTS)
      throw new GlobFault(`stands for more than ${MOST_VARIANTS} globs`);
    variants = variants.flatMap((start) => ends.map((end) => [...start, ...end]));
  }
  return variants;
};

// To regular expressions

const quote = (text: string): string => text.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&');

const nodeSource = (node: Node): string => {
  switch (node.kind) {
    case 'text':
      return quote(node.text);
    case 'any':
      return '[^\\/]*';
    case 'one':
      return '[^\\/]';
    case 'group':
      return `(?:${node.choices.map((choice) => choice.map(nodeSource).join('')).join('|')})`;
    case 'deep':
    case 'slash':
      throw new GlobFault('has a `**` that does not stand alone between slashes');
  }
};

const canBeNothing = (nodes: readonly Node[]): boolean =>
  nodes.every((node) => node.kind === 'group' && node.choices.some(canBeNothing));

type Component = 'deep' | readonly Node[];

const components = (nodes: readonly Node[]): Component[] => {
  const split: Node[][] = [[]];
  for (const node of nodes) {
    if (node.kind === 'slash') split.push([]);
    else split.at(-1)?.push(node);
  }
  return split.map((component) => {
    if (canBeNothing(component)) throw new GlobFault('has an empty component: paths are relative, with single slashes');
    const text = component.map((node) => (node.kind === 'text' ? node.text : '*')).join('');
    if (text === '.' || text === '..') throw new GlobFault(`has the component \`${text}\`, which no path has`);
    return component.length === 1 && component[0]?.kind === 'deep' ? 'deep' : component;
  });
};

interface Variant {
  // Begins with `**/`: such variants share one prefix in the expression, so that a path is walked once for all of them.
  readonly anywhere: boolean;
  readonly source: string;
}

const variantOf = (nodes: readonly Node[]): Variant => {
  // `**/**` says no more than `**`; two of them would only make the expression slow.
  const parts = components(nodes).filter((part, at, all) => part !== 'deep' || all[at + 1] !== 'deep');
  const anywhere = parts[0] === 'deep' && parts.length > 1;
  const rest = anywhere ? parts.slice(1) : parts;
  const source = rest.map((part, at) => {
    const last = at === rest.length - 1;
    if (part === 'deep') return last ? '[^]+' : '(?:[^\\/]+\\/)*';
    return part.map(nodeSource).join('') + (last ? '' : '\\/');
  });
  return { anywhere, source: source.join('') };
};

const variantsOf = (glob: string): Variant[] => {
  if (glob === '') throw new GlobFault('is empty');
  if (glob.length > LONGEST_GLOB) throw new GlobFault(`is longer than ${LONGEST_GLOB} characters`);
  if (glob.startsWith('!')) throw new GlobFault('begins with `!`: there is no negation, use `exclude`');
  return writeOut(new GlobReader(glob).readAll()).map(variantOf);
};

/** Why this glob cannot be used, as words that follow its name (`has a `{` without its `}``), or `undefined` for a good one. */
export const globFault = (glob: string): string | undefined => {
  try {
    variantsOf(glob);
    return undefined;
  } catch (error) {
    if (error instanceof GlobFault) return error.message;
    throw error;
  }
};

const either = (variants: readonly Variant[]): string => variants.map((variant) => variant.source).join('|');

/**
 * One matcher for a list of globs: true when any of them matches the whole path. An empty list matches nothing.
 * Throws an `Error` for a glob that `globFault` would name; presets were checked when they were loaded.
 */
export const compileGlobs = (globs: readonly string[]): Matcher => {
  if (globs.includes('**')) return (path) => path !== '';
  const variants = globs.flatMap(variantsOf);
  if (variants.length === 0) return () => false;
  const anywhere = either(variants.filter((variant) => variant.anywhere));
  const rooted = either(variants.filter((variant) => !variant.anywhere));
  const sources = [
    ...(rooted === '' ? [] : [`^(?:${rooted})$`]),
    // A component begins at the start or after a slash: searching for that is far faster than to spell out what may stand before.
    ...(anywhere === '' ? [] : [`(?:^|\\/)(?:${anywhere})$`]),
  ];
  const expression = new RegExp(sources.join('|'), 'u');
  return (path) => path !== '' && expression.test(path);
};
