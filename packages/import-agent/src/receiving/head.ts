/** Takes inventories and index out of the head, into a local spool. */
import { join } from 'node:path';
import { readHead } from '@gapferry/bundle-format/head';
import type { Manifest } from '@gapferry/bundle-format/manifest';
import { makeFolder } from '@gapferry/station/files/durable';
import { closeSync, openSync, writeSync } from 'node:fs';
import { withFaults } from '@gapferry/station/files/fault';
import type { HeadAsk } from './requests.ts';
import { checkedVolume, requireVolume } from './volumes.ts';

export const spooledDocument = (spool: string, n: number): string => join(spool, `${n}.ndjson`);

/** @throws Incomplete BUNDLE_INCOMPLETE; Damaged ENTRY_*, ZIP_*, HASH_MISMATCH, LENGTH_MISMATCH */
export async function takeHead(ask: HeadAsk, alive: () => void): Promise<void> {
  makeFolder(ask.spool);
  const open = requireVolume(ask.folder, ask.volume);
  try {
    const volume = checkedVolume(ask.volume.name, open, alive);
    let n = 0;
    await readHead(volume, manifestOf(ask), async (_, pieces) => {
      await spoolTo(spooledDocument(ask.spool, n++), pieces);
      alive();
    });
  } finally {
    open.close();
  }
}

/** What `readHead` looks at: the documents. The manifest itself stays with the parent that verified it. */
const manifestOf = (ask: HeadAsk): Manifest =>
  ({ repositories: ask.inventories.map((inventory) => ({ inventory })), index: ask.index }) as unknown as Manifest;

async function spoolTo(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const context = { where: 'machine', doing: 'write', what: path } as const;
  const fd = withFaults(context, () => openSync(path, 'w', 0o600));
  try {
    for await (const piece of pieces) {
      withFaults(context, () => {
        for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at, piece.length - at);
      });
    }
  } finally {
    closeSync(fd);
  }
}
