/** The process that touches the medium. It holds no key and no ledger, answers with events and never with bytes, and can be killed at any moment. */

import { requirePlace } from '@gapferry/station/media/place';
import { serveMedium } from '@gapferry/station/media/serve';
import { collectKeys, collectReceipts, copyCompanion, layKey, listBundles } from './collect.ts';
import { discardUnsigned, readStatement, removeFiles, writeSignature, writeStatement } from './commit.ts';
import type { MediumRequests } from './messages.ts';
import { toSeen } from './places.ts';

serveMedium<MediumRequests>({
  look: ({ place }) => toSeen(requirePlace(place)),
  // archiver is loaded only when something is written
  seal: async (order, tell) => (await import('./seal.ts')).seal(order, tell),
  state: writeStatement,
  commit: writeSignature,
  discard: discardUnsigned,
  inspect: readStatement,
  deliver: async (delivery, tell) => (await import('./deliver.ts')).deliver(delivery, tell),
  receipts: collectReceipts,
  companion: copyCompanion,
  keys: collectKeys,
  layKey,
  bundles: listBundles,
  remove: removeFiles,
});
