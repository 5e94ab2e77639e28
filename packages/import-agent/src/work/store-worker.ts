/** The store worker: a thread that does tasks on published trees, one after another, with blocking calls. It reads the journal and never writes it. */
import { lstatSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { Damaged, errorToJSON } from '@gapferry/bundle-format/errors';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { classifier } from '@gapferry/repository/classify';
import type { Preset } from '@gapferry/repository/preset-schema';
import { syncFilesystem } from '@gapferry/station/files/durable';
import { openDatabase } from '@gapferry/station/state/database';
import { adoptTree } from '../adoption/adopt.ts';
import { hashFile } from '../holdings/hash.ts';
import { recoverPaths, sweepStaging } from '../holdings/recover.ts';
import { survey } from '../holdings/survey.ts';
import { Findings } from '../journal/findings.ts';
import { Holdings } from '../journal/holdings.ts';
import { Inventories } from '../journal/inventories.ts';
import { openForWriting } from '../journal/journal.ts';
import { MIGRATIONS } from '../journal/schema.ts';
import { Steps } from '../journal/steps.ts';
import { publish, type PublishOrder } from '../publishing/publish.ts';
import { stagingOf, Tree } from '../publishing/tree.ts';
import { learnInventory, noteIndex } from '../receiving/documents.ts';
import { type Order, writeOrders } from '../receiving/orders.ts';
import type { Stamp } from '../receiving/requests.ts';
import { stampOfFile, stillStaged } from '../receiving/stamp.ts';
import { objectPath, partsPath } from '../receiving/staging.ts';
import type { Answer, PublishTask, Results, Task } from './tasks.ts';

const say = (answer: Answer): void => parentPort?.postMessage(answer);

const ALIVE_EVERY_MS = 100;
let last = 0;
let pending = 0;
const alive = (bytes = 0): void => {
  pending += bytes;
  const now = performance.now();
  if (now - last < ALIVE_EVERY_MS) return;
  last = now;
  say({ kind: 'alive', bytes: pending });
  pending = 0;
};

function withHoldings<T>(journal: string, use: (holdings: Holdings) => T): T {
  const db = openDatabase(journal, MIGRATIONS, { readOnly: true });
  try {
    return use(new Holdings(db));
  } finally {
    db.close();
  }
}

function withInventories<T>(journal: string, readOnly: boolean, use: (inventories: Inventories) => T): T {
  const db = readOnly ? openDatabase(journal, MIGRATIONS, { readOnly }) : openForWriting(journal);
  try {
    return use(new Inventories(db));
  } finally {
    db.close();
  }
}

function order(
  { targets, index, names, orders }: Extract<Task, { do: 'order' }>,
  inventories: Inventories,
): Results['order'] {
  if (inventories.want(targets).files === 0) return { lacked: false, wanted: [], needed: [] };
  noteIndex(inventories, index.document, index.path, alive);
  const liar = inventories.sizeThatLies();
  if (liar !== undefined)
    throw new Damaged('INDEX_INVALID', `the index gives the object ${liar} another size than the inventory`, {
      facts: { sha256: liar },
    });
  const wanted = new Map<number, number>();
  const needed = new Map<number, number>();
  writeOrders(orders, ordersFor(inventories, names, wanted, needed));
  return { lacked: true, wanted: [...wanted], needed: [...needed] };
}

function* ordersFor(
  inventories: Inventories,
  names: readonly string[],
  wanted: Map<number, number>,
  needed: Map<number, number>,
): Generator<Order> {
  for (const { row, volume, stored, bytes, repository, exec, mtime } of inventories.orders()) {
    const staging = names.indexOf(repository);
    needed.set(staging, (needed.get(staging) ?? 0) + bytes);
    wanted.set(volume, (wanted.get(volume) ?? 0) + stored);
    yield { row, volume, staging, exec, mtime };
  }
}

function perform(task: Task): Results[keyof Results] {
  switch (task.do) {
    case 'survey': {
      const findings = new Findings(task.findings);
      const summary = withHoldings(task.journal, (holdings) =>
        findings.during(() => survey(task.root, holdings.rows(task.repository), findings, alive)),
      );
      return { ...summary, changed: findings.count };
    }
    case 'recover': {
      const findings = new Findings(task.findings);
      const found = withHoldings(task.journal, (holdings) =>
        findings.during(() =>
          recoverPaths(task.root, holdings.unsure(task.repository, task.inventory), findings, alive),
        ),
      );
      return { found };
    }
    case 'sweep':
      return withHoldings(task.journal, (holdings) => sweep(task, holdings));
    case 'publish':
      return publishTask(task);
    case 'adopt': {
      const findings = new Findings(task.findings);
      const classify = classifier(task.preset);
      return findings.during(() => adoptTree(task.root, (path) => classify(path).carry, findings, alive));
    }
    case 'learn':
      return withInventories(task.journal, false, (inventories) => {
        learnInventory(inventories, task.inventory, alive);
        return null;
      });
    case 'order':
      return withInventories(task.journal, true, (inventories) => order(task, inventories));
    case 'join':
      return { stamp: joinParts(stagingOf(task.root), task.sha256, task.size) };
  }
}

function sweep(task: Extract<Task, { do: 'sweep' }>, holdings: Holdings): Results['sweep'] {
  const staging = stagingOf(task.root);
  const kept = sweepStaging(
    {
      staging,
      isStaged: (sha256) => holdings.isStaged(task.repository, sha256),
      hasParts: (sha256) => holdings.hasParts(task.repository, sha256),
      keepMaterialised: task.keepMaterialised,
    },
    alive,
  );
  if (kept.length > 0)
    syncFilesystem(
      staging,
      kept.map(({ sha256 }) => objectPath(staging, sha256)),
    );
  const lost: Sha256[] = [];
  for (const object of holdings.staged(task.repository)) {
    alive();
    const found = stillStaged(staging, object);
    if (found === undefined) {
      lost.push(object.sha256);
      rmSync(objectPath(staging, object.sha256), { recursive: true, force: true });
    } else if (found.stamp !== object.stamp) kept.push(found);
  }
  return { kept, lost };
}

function publishTask(task: PublishTask): Results['publish'] {
  const findings = new Findings(task.findings);
  const steps = new Steps(task.journal, task.repository, task.inventory);
  try {
    return findings.during(() => publish(orderOf(task), steps, new Tree(task.root, task.snapshot), findings));
  } finally {
    steps.close();
  }
}

function orderOf({ repository, preset, earlier, roots }: PublishTask): PublishOrder {
  return {
    repository,
    phases: preset.metadata,
    earlier,
    prune: preset.prune === 'unlisted',
    roleOf: roleOf(preset),
    roots,
  };
}

function roleOf(preset: Preset): PublishOrder['roleOf'] {
  const classify = classifier(preset);
  return (path) => {
    const found = classify(path);
    if (!found.carry) return 'foreign';
    if (found.role === 'content') return 'content';
    return found.immutable ? 'immutable metadata' : 'changing metadata';
  };
}

function joinParts(staging: string, sha256: Sha256, size: number): Stamp | null {
  const parts = partsPath(staging, sha256);
  const good = lstatSync(parts, { throwIfNoEntry: false })?.size === size && hashFile(parts, alive) === sha256;
  if (good) {
    const path = join(staging, sha256);
    renameSync(parts, path);
    syncFilesystem(staging, [path]);
    return stampOfFile(lstatSync(path));
  }
  rmSync(parts, { force: true });
  return null;
}

parentPort?.on('message', (task: Task) => {
  try {
    // written by `runTask` alone
    say({ kind: 'done', result: perform(task) });
  } catch (error) {
    say({ kind: 'error', error: errorToJSON(error) });
  }
});
