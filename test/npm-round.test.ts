/** The main job with a real npm repository: what was published is what npm installs. */
import { afterEach, expect } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './support/commands.ts';
import { needs } from './support/needs.ts';
import { installFrom, NpmRepository, serveRegistry } from './support/npm-repository.ts';
import { Pair } from './support/pair.ts';
import { differences, removeFolder, tempFolder } from './support/trees.ts';
import { filesCarriedBy } from './support/volumes.ts';

let pair: Pair | undefined;
let work = '';
afterEach(async () => {
  await pair?.remove();
  if (work !== '') removeFolder(work);
  pair = undefined;
  work = '';
});

const carried = (path: string): boolean => path !== '.verdaccio-db.json';

needs('npm')(
  'an npm repository crosses whole, then an update and an addition alone; npm installs and runs what arrived',
  async () => {
    work = tempFolder('npm');
    const storage = join(work, 'storage');
    const repository = new NpmRepository(storage, join(work, 'make'));
    await repository.add('cross-spawn', 'ms', '@jest/get-type');
    pair = await Pair.create({ name: 'npm-pair', repositories: { npm: 'npm' }, sources: { npm: storage } });
    const target = pair.target('npm');
    await pair.export();
    await pair.published();
    expect(differences(storage, target, carried)).toEqual([]);
    expect(existsSync(join(target, '.verdaccio-db.json'))).toBe(false);

    await repository.update('ms', '99.0.0');
    await repository.add('picocolors');
    const second = await pair.export();
    const content = (await filesCarriedBy(second.folder)).filter((file) => file.role !== 'metadata');
    expect(content.map((file) => file.path.replace(/-[\d.]+\.tgz$/, '')).toSorted()).toEqual([
      'ms/ms',
      'picocolors/picocolors',
    ]);
    await pair.published();
    expect(differences(storage, target, carried)).toEqual([]);

    const registry = await serveRegistry(target);
    const client = join(work, 'client');
    try {
      await installFrom(registry, client, ['cross-spawn', 'ms', 'picocolors', '@jest/get-type']);
    } finally {
      await registry.close();
    }
    const script = "process.stdout.write(String(require('ms')('2 days')) + require('cross-spawn').sync('true').status)";
    expect((await must(process.execPath, ['-e', script], { cwd: client })).stdout).toBe('1728000000');
    expect(readFileSync(join(client, 'node_modules/ms/package.json'), 'utf8')).toContain('99.0.0');
  },
  120_000,
);
