/** The process that touches the medium. It holds no key and no ledger, answers with events and never with bytes, and can be killed at any moment. */

import { requirePlace, serveMedium } from '@gapferry/station';
import { collectKeys, collectReceipts, copyCompanion, layKey, listBundles } from './collect.ts';
import { discardUnsigned, readStatement, removeFiles, writeSignature, writeStatement } from './commit.ts';
import { deliver } from './deliver.ts';
import type { MediumRequests } from './messages.ts';
import { toSeen } from './places.ts';
import { seal } from './seal.ts';

serveMedium<MediumRequests>({
  look: ({ place }) => toSeen(requirePlace(place)),
  seal,
  state: writeStatement,
  commit: writeSignature,
  discard: discardUnsigned,
  inspect: readStatement,
  deliver,
  receipts: collectReceipts,
  companion: copyCompanion,
  keys: collectKeys,
  layKey,
  bundles: listBundles,
  remove: removeFiles,
});
