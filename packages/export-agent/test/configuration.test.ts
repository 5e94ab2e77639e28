import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseRepository } from '../src/commands/init.ts';
import { loadExportConfig } from '../src/configuration/load.ts';
import { configurationText } from '../src/configuration/template.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (text: string): ReturnType<typeof loadExportConfig> => {
  const path = join(folder, 'export-agent.yaml');
  writeFileSync(path, text);
  return loadExportConfig(path);
};
const wish = {
  repositories: [
    { name: 'debian', preset: 'apt', path: '/srv/mirror with "quotes": and\ttab' },
    { name: 'docs', preset: 'tree', path: '/srv/docs' },
  ],
  sites: ['plant7', 'plant8'],
  place: { kind: 'medium', path: '/media/usb' },
} as const;

describe('the template', () => {
  it('says what was asked for, and the defaults for everything else', () => {
    const config = load(configurationText(wish));
    expect([...config.repositories]).toEqual([
      ['debian', { preset: 'apt', path: '/srv/mirror with "quotes": and\ttab', facts: {} }],
      ['docs', { preset: 'tree', path: '/srv/docs', facts: {} }],
    ]);
    expect([...config.sites]).toEqual([
      ['plant7', undefined],
      ['plant8', undefined],
    ]);
    expect(config.media).toEqual([{ kind: 'medium', path: '/media/usb' }]);
    expect(config.state).toBe(join(folder, 'state'));
    expect(config.key).toBe(join(folder, 'exporter.key'));
    expect(config.schedule).toBeUndefined();
    expect(config.bundle).toEqual({
      volumeBytes: 1023 * 4 * 2 ** 20,
      packBelowBytes: 65_536,
      expiresMs: 180 * 86_400_000,
      basis: 'acknowledged',
      overdueMs: 14 * 86_400_000,
      renewAfterMs: 30 * 86_400_000,
    });
  });

  it('has comments that are right: with all of them uncommented it means the same, with a schedule', () => {
    const text = configurationText({ ...wish, place: { kind: 'folder', path: '/srv/share' } });
    const opened = text.replaceAll(
      /^# ?((?: {2})?(?:presets|schedule|onArrival|bundle|threads|volumeBytes|packBelow|expires|basis|overdue|renewAfter): ?.*)$/gm,
      '$1',
    );
    expect(opened).not.toBe(text);
    const [plain, full] = [load(text), load(opened)];
    expect(full.schedule).toEqual({ cron: '0 3 * * *', timeZone: 'UTC' });
    expect(full.presets).toEqual([join(folder, 'presets')]);
    expect(full.bundle).toEqual(plain.bundle);
    expect(full.onArrival).toBe(plain.onArrival);
  });

  it('needs no site', () => expect(load(configurationText({ ...wish, sites: [] })).sites.size).toBe(0));

  it('is the example that is shipped', () => {
    const shipped = readFileSync(
      fileURLToPath(new URL('../../../config/export-agent.example.yaml', import.meta.url)),
      'utf8',
    );
    expect(load(shipped).repositories.size).toBeGreaterThan(0);
  });
});

describe('loading', () => {
  const good = configurationText({ ...wish, repositories: [wish.repositories[1]] });
  it.each([
    ['a misspelt key', `${good}\nbundel: {}\n`, 'CONFIG_INVALID', 'bundel'],
    ['a duration without unit', `${good}\nbundle: { expires: 14 }\n`, 'CONFIG_INVALID', 'bundle.expires'],
    [
      'an unknown time zone',
      `${good}\nschedule: { cron: "0 3 * * *", timeZone: Mars/Base }\n`,
      'CONFIG_INVALID',
      'timeZone',
    ],
    [
      'a bad schedule',
      `${good}schedule: { cron: "often" }\n`,
      'CONFIG_INVALID',
      'schedule.cron: "often" is no schedule',
    ],
    ['an hour that is none', `${good}schedule: { cron: "0 25 * * *" }\n`, 'CONFIG_INVALID', 'export-agent.yaml: line '],
    [
      'a preset that does not exist',
      good.replace('    preset: tree', '    preset: forest'),
      'PRESET_INVALID',
      'export-agent.yaml: repositories.docs.preset: there is no preset "forest"',
    ],
    [
      'a site with an unknown repository',
      good.replace('plant8: {}', 'plant8: { repositories: [nothing] }'),
      'CONFIG_INVALID',
      'sites.plant8',
    ],
    ['tiny volumes', `${good}\nbundle: { volumeBytes: 1 MiB }\n`, 'CONFIG_INVALID', 'volumeBytes'],
    ['state within a source', good.replace('state: state', 'state: /srv/docs/state'), 'CONFIG_PATHS', '/srv/docs'],
    ['a medium within a source', good.replace('"/media/usb"', '"/srv/docs/usb"'), 'CONFIG_PATHS', '/srv/docs'],
    [
      'the key on the medium',
      good.replace('key: exporter.key', 'key: /media/usb/exporter.key'),
      'CONFIG_PATHS',
      '/media/usb',
    ],
  ])('refuses %s', (_says, text, code, names) =>
    expect(() => load(text)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(names) })),
  );

  it('takes a sibling whose name begins alike', () => {
    expect(() => load(good.replace('"/media/usb"', '"/srv/docs-usb"'))).not.toThrow();
  });
});

describe('parseRepository', () => {
  it('takes a path with colons', () =>
    expect(parseRepository('a=tree:/srv/a:b')).toEqual({ name: 'a', preset: 'tree', path: '/srv/a:b' }));
  it.each([
    ['debian:/srv', 'USAGE'],
    ['a=tree', 'USAGE'],
    ['A=tree:/srv', 'USAGE'],
    ['a=nopreset:/srv', 'PRESET_INVALID'],
  ])('refuses %s', (text, code) => expect(() => parseRepository(text)).toThrow(expect.objectContaining({ code })));
});
