import { describe, expect, test } from '@jest/globals';
import { sha256Of } from '@gapferry/bundle-format';
import { aBundle, anExporter } from './support/bundle.ts';
import { Site } from './support/site.ts';

describe('one import from a folder', () => {
  test('publishes a first bundle, answers with a receipt, and does nothing the second time', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const tree = { 'a/one.txt': 'one', 'a/two.sh': { data: '#!/bin/sh\n', exec: true }, 'b/link': { link: '../a/one.txt' }, 'empty': { dir: true as const }, 'zero': '' };
    await aBundle(exporter).sequence(1).repository('files', tree).on(site.medium);
    const first = await site.import();
    expect(first.bundles.flatMap(({ errors }) => errors)).toEqual([]);
    expect(first.status).toBe(0);
    expect(site.published()).toEqual({ 'a/one.txt': 'one', 'a/two.sh': 'x #!/bin/sh\n', 'b/link': '-> ../a/one.txt', 'empty/': '', zero: '' });
    expect(site.staging()).toEqual([]);
    const answer = site.receipt();
    expect(answer?.receipt.repositories).toEqual([{ name: 'files', state: 'published', snapshot: 1, offered: 1 }]);
    expect(answer?.holds).toEqual([sha256Of(Buffer.from('one')), sha256Of(Buffer.from('#!/bin/sh\n')), sha256Of(new Uint8Array())].toSorted());
    expect(answer?.missing).toEqual([]);
    const again = await site.import();
    expect(again.status).toBe(0);
    expect(again.bundles[0]?.nothingNew).toBe(true);
    expect(again.published).toEqual([]);
    expect(site.audit().filter(({ event }) => event === 'repository.published')).toHaveLength(1);
  });
});
