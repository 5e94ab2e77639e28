/** A near side to play with: a source, a folder that stands for a medium, an agent with its state, and a site that can answer. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  bundleFolder,
  BUNDLES,
  encodeDigestList,
  encodePublicKey,
  encodeReceipt,
  fingerprintOf,
  generateKeyPair,
  HOLDS_SUFFIX,
  MANIFEST,
  MISSING_SUFFIX,
  type Receipt,
  type RepositoryState,
  type Sha256,
  sha256Of,
  signStatement,
} from '@gapferry/bundle-format';
import { writeKeyPair } from '@gapferry/station';
import { type ExportReport, exportOnce, type ExportWish } from '../../src/agent.ts';
import { configurationText } from '../../src/configuration/template.ts';
import { openWorld, type World } from '../../src/world.ts';

export interface Near {
  readonly root: string;
  readonly source: string;
  readonly folder: string;
  readonly config: string;
  world(): World;
  put(path: string, text: string): void;
  export(wish?: Partial<ExportWish>): Promise<ExportReport>;
  bundle(sequence: number): string;
  close(): Promise<void>;
}

const silentWatch = { begin: () => undefined, advance: () => undefined, end: () => undefined };

export const makeNear = (more: { preset?: string; sites?: readonly string[]; extra?: string } = {}): Near => {
  const root = mkdtempSync(join(tmpdir(), 'export-agent-'));
  const [source, folder, home] = [join(root, 'source'), join(root, 'folder'), join(root, 'near')];
  for (const path of [source, folder]) mkdirSync(path);
  mkdirSync(home, { mode: 0o700 });
  writeKeyPair(home, 'exporter');
  const config = join(home, 'export-agent.yaml');
  const text = configurationText({
    repositories: [{ name: 'docs', preset: more.preset ?? 'tree', path: source }],
    sites: more.sites ?? ['plant7'],
    place: { kind: 'folder', path: folder },
  });
  writeFileSync(config, text + (more.extra ?? ''));
  return nearAt(root);
};

/** The same near side after its world was closed, as after a restart. */
export const reopened = (near: Near): Near => nearAt(near.root);

const nearAt = (root: string): Near => {
  const [source, folder, config] = [
    join(root, 'source'),
    join(root, 'folder'),
    join(root, 'near', 'export-agent.yaml'),
  ];
  let world: World | undefined;
  const abort = new AbortController();
  const near: Near = {
    root,
    source,
    folder,
    config,
    world: () => (world ??= openWorld(config, { signal: abort.signal, terminal: false })),
    put: (path, content) => {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      writeFileSync(join(source, path), content);
    },
    export: (wish = {}) =>
      exportOnce(
        near.world(),
        {
          sites: undefined,
          repositories: undefined,
          full: false,
          dryRun: false,
          make: true,
          place: { kind: 'folder', path: folder },
          ...wish,
        },
        silentWatch,
      ),
    bundle: (sequence) => join(folder, BUNDLES, bundleFolder(near.world().exporter, sequence)),
    close: async () => {
      await world?.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return near;
};

export const digestOf = (text: string): Sha256 => sha256Of(Buffer.from(text));

export interface Answer {
  readonly number: number;
  readonly holds?: readonly Sha256[];
  readonly missing?: readonly Sha256[];
  readonly bundles?: readonly { readonly sequence: number; readonly state: RepositoryState }[];
  readonly bend?: (receipt: Receipt) => Receipt;
}

/** A site with its own key, which lays receipts where the exporter looks for them. */
export class FarSite {
  readonly name: string;
  readonly keys: ReturnType<typeof generateKeyPair> = generateKeyPair();
  epoch: string = 'a'.repeat(32);

  constructor(name = 'plant7') {
    this.name = name;
  }

  enrol(near: Near): void {
    const { publicKey } = this.keys;
    near
      .world()
      .ledger.sites.enrol(this.name, encodePublicKey(publicKey), fingerprintOf(publicKey), '2026-11-20T00:00:00Z');
  }

  /** Writes the receipt and gives the path of its JSON. */
  answer(near: Near, { number, holds = [], missing = [], bundles = [], bend = (receipt) => receipt }: Answer): string {
    const lists = {
      holds: Buffer.concat([...encodeDigestList(holds.toSorted())]),
      missing: Buffer.concat([...encodeDigestList(missing.toSorted())]),
    };
    const companion = (bytes: Uint8Array, rows: number) => ({ bytes: bytes.length, sha256: sha256Of(bytes), rows });
    const receipt = bend({
      site: this.name,
      exporter: near.world().exporter,
      epoch: this.epoch,
      number,
      repositories: [{ name: 'docs', state: 'published', snapshot: 1, offered: 1 }],
      bundles: bundles.map(({ sequence, state }) => ({
        sequence,
        sha256: sha256Of(readFileSync(join(near.bundle(sequence), MANIFEST))),
        state,
        code: null,
      })),
      holds: companion(lists.holds, holds.length),
      missing: companion(lists.missing, missing.length),
    });
    const folder = join(near.folder, 'gapferry', 'receipts', this.name);
    mkdirSync(folder, { recursive: true });
    const base = join(folder, String(number).padStart(8, '0'));
    const bytes = encodeReceipt(receipt);
    writeFileSync(`${base}.json`, bytes);
    writeFileSync(`${base}.json.minisig`, signStatement(bytes, this.keys.secretKey, `receipt ${number}`));
    writeFileSync(`${base}${HOLDS_SUFFIX}`, lists.holds);
    writeFileSync(`${base}${MISSING_SUFFIX}`, lists.missing);
    return `${base}.json`;
  }
}

export const names = (folder: string): string[] => readdirSync(folder).toSorted();
