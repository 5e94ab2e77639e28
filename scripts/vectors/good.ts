/** Good bundles, as folders: other implementations read them, people try their tools on them. */
import { sha256Of, type EntryPlan, type ObjectToCarry } from '@gapferry/bundle-format';
import {
  aMemoryBundle,
  type MemoryFile,
  type MemoryOptions,
} from '../../packages/bundle-format/test/support/memory-bundle.ts';
import { plainBundle } from './bundle.ts';
import { EXPORTER } from './keys.ts';
import type { NamedVector } from './vector.ts';

const text = (path: string, data: string, more: Partial<MemoryFile> = {}): MemoryFile => ({
  path,
  data: Buffer.from(data),
  mtime: 1_795_208_400_000,
  ...more,
});

/** Everything that an inventory can say. */
const TREE: readonly MemoryFile[] = [
  text('dists/stable/Release', 'Origin: example\n', { role: 'metadata', phase: 2 }),
  text('dists/stable/main/Packages', 'Package: tool\nFilename: pool/tool_1.0_all.deb\n', {
    role: 'metadata',
    phase: 1,
  }),
  text('pool/tool_1.0_all.deb', 'the bytes of a package\n'),
  text('pool/empty', ''),
  text('pool/install.sh', '#!/bin/sh\nexit 0\n', { exec: true }),
  text('pool/größe.txt', 'groß\n'),
  text('pool/\u{1f600}.txt', 'beyond the first plane\n'),
  text('pool/same-as-tool.deb', 'the bytes of a package\n', { mtime: -1 }),
];
const ROWS: NonNullable<MemoryOptions['rows']> = [
  { path: 'dists/latest', type: 'link', role: 'metadata', phase: 2, target: 'stable/Release' },
  { path: 'incoming', type: 'dir' },
  // Input of a provider, and not in this bundle: the site has it already.
  {
    path: 'export.cab',
    type: 'file',
    role: 'package',
    size: 9,
    sha256: sha256Of(Buffer.from('a package')),
    exec: false,
    mtime: 0,
  },
];

function* threeParts(objects: readonly ObjectToCarry[]): Generator<EntryPlan<ObjectToCarry>> {
  const [object] = objects;
  if (object === undefined) return;
  for (let part = 1; part <= 3; part++) {
    const at = (part - 1) * 600;
    const entry = `parts/files/${object.path}/000${part}-of-0003`;
    yield { kind: 'part', volume: part, entry, stored: Math.min(600, object.size - at), object, part, of: 3, at };
  }
}

async function made(tree: readonly MemoryFile[], options: MemoryOptions): Promise<Map<string, Buffer>> {
  const { files } = await aMemoryBundle(tree, { keys: EXPORTER, deflateHead: false, ...options });
  return new Map(files);
}

export async function goodBundles(): Promise<ReadonlyMap<string, ReadonlyMap<string, Buffer>>> {
  return new Map([
    ['plain', plainBundle()],
    ['whole', await made(TREE, { rows: ROWS })],
    ['packed', await made(TREE, { rows: ROWS, limits: { packFrom: 2, packBelowBytes: 23 } })],
    ['parts', await made([text('image.bin', 'sixteen letters\n'.repeat(100))], { plan: threeParts })],
  ]);
}

const SAYS: Readonly<Record<string, string>> = {
  plain: 'three small files: the base of the bad bundles',
  whole: 'every kind of inventory row; each object is an entry of its own',
  packed: 'small objects in a pack, one object beside it',
  parts: 'one object in three parts on three volumes',
};

export const goodVector = (base: string): NamedVector => ({
  name: `good-${base}`,
  says: SAYS[base] ?? base,
  spec: '§10.2',
  expect: 'ok',
  kind: 'bundle',
  base,
  files: {},
  edits: [],
  keys: ['exporter'],
});
