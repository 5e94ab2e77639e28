/** The medium process of the shared commands: a hung or hostile medium must not take the command along. */
import { parsePublicKey } from '@gapferry/bundle-format/signature';
import { serveMedium, type Tell } from '../../media/serve.ts';
import { findBundles } from './find.ts';
import { inspectBundle } from './inspect-bundle.ts';
import type { BundleRequests, BytesDone } from './requests.ts';
import { verifyBundle, type VerifyOptions } from './verify-bundle.ts';

const keysFrom = (texts: readonly string[]): ReturnType<typeof parsePublicKey>[] =>
  texts.map((text) => parsePublicKey(text, 'key'));

const telling = (tell: Tell<BytesDone>): Pick<VerifyOptions, 'onTotal' | 'onBytes'> => ({
  onTotal: (totalBytes) => tell({ bytes: 0, totalBytes }),
  onBytes: (bytes) => tell({ bytes }),
});

serveMedium<BundleRequests>({
  find: ({ path }) => findBundles(path),
  verify: ({ folder, keys, spool }, tell) => verifyBundle(folder, { keys: keysFrom(keys), spool, ...telling(tell) }),
  inspect: ({ folder, keys, spool }, tell) =>
    inspectBundle(folder, {
      keys: keys === null ? undefined : keysFrom(keys),
      spool: spool ?? undefined,
      onBytes: (bytes) => tell({ bytes }),
    }),
});
