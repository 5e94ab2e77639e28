/** Takes from one copy of a bundle what is still wanted: orders to the medium process, its news into the journal. */
import { join } from 'node:path';
import { errorFromJSON, type GapferryError, type Sha256 } from '@gapferry/bundle-format';
import { makeFolder } from '@gapferry/station/files/durable';
import { stagingOf } from '../publishing/tree.ts';
import type { AdmittedCopy } from '../trust/admit.ts';
import { runTask } from '../work/run.ts';
import type { World } from '../world.ts';
import { indexPath, noteIndex, spoolFolder, volumeAsk } from './learn.ts';
import { writeOrders } from './orders.ts';
import type { ReceiveEvent } from './requests.ts';
import type { Medium } from './session.ts';

export interface Taken {
  readonly objects: number;
  readonly bytes: number;
  /** Volumes with something wanted that are not on this medium. */
  readonly absent: readonly string[];
  readonly damage: readonly GapferryError[];
}

const NOTHING: Taken = { objects: 0, bytes: 0, absent: [], damage: [] };

/** What is wanted was set before (`inventories.want`). @throws Unfit LOCAL_FULL, MEDIA_GONE, MEDIA_TIMEOUT; Damaged INDEX_INVALID */
export async function takeObjects(world: World, medium: Medium, copy: AdmittedCopy): Promise<Taken> {
  const { journal, config } = world;
  const { manifest } = copy.admission;
  await noteIndex(world, copy);
  const wanted = [...journal.inventories.orderedBytes()].sort(([a], [b]) => a - b);
  if (wanted.length === 0) return NOTHING;
  const names = [...config.repositories.keys()];
  const stagings = names.map((name) => prepareStaging(config.repositories.get(name)?.path ?? ''));
  const orders = join(spoolFolder(world, copy.sha256), 'orders');
  writeOrders(orders, orderLines(world, names));
  const total = wanted.reduce((sum, [, bytes]) => sum + bytes, 0);
  const damage: GapferryError[] = [];
  const reply = await medium.receive(
    {
      folder: copy.folder,
      volumes: wanted.map(([number, bytes]) => volumeAsk(manifest, number, bytes)),
      index: indexPath(world, copy.sha256, manifest),
      orders,
      stagings,
    },
    (event) => hear(world, names, event, damage, total),
  );
  await joinParts(world, damage);
  return { objects: reply.objects, bytes: reply.bytes, absent: reply.absent, damage };
}

function* orderLines({ journal }: World, names: readonly string[]): Generator<{ row: number; volume: number; staging: number; exec: boolean; mtime: number }> {
  for (const { repository, ...order } of journal.inventories.orders()) yield { ...order, staging: names.indexOf(repository) };
}

/** Readable by nobody else: clients must not find what is not published. */
export function prepareStaging(root: string): string {
  makeFolder(join(root, '.gapferry'), 0o700);
  const staging = stagingOf(root);
  makeFolder(staging, 0o700);
  return staging;
}

function hear({ journal, progress }: World, names: readonly string[], event: ReceiveEvent, damage: GapferryError[], total: number): void {
  switch (event.kind) {
    case 'staged':
      journal.holdings.stage(names[event.staging] ?? '', event.objects);
      return;
    case 'parts':
      journal.holdings.stageParts(names[event.staging] ?? '', event.parts);
      return;
    case 'damage':
      damage.push(errorFromJSON(event.error));
      return;
    case 'read':
      progress('reading', event.bytes, total);
      return;
  }
}

/** Objects of which the last part has come are compared as a whole. */
async function joinParts({ journal, config }: World, damage: GapferryError[]): Promise<void> {
  for (const { repository, sha256, size } of journal.holdings.completeParts()) {
    const { good } = await runTask({ do: 'join', root: config.repositories.get(repository)?.path ?? '', sha256, size });
    journal.transaction(() => {
      if (good) journal.holdings.stage(repository, [{ sha256, size }]);
      journal.holdings.unstageParts(sha256);
    });
    if (!good) damage.push(wrongWhole(sha256));
  }
}

const wrongWhole = (sha256: Sha256): GapferryError =>
  errorFromJSON({ code: 'ENTRY_HASH', says: `an object that came in parts is not the one that the index names`, hint: 'make the bundle again at the exporter', facts: { sha256 } });
