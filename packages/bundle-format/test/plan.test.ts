import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  DEFAULT_LIMITS,
  MIN_VOLUME_BYTES,
  planVolumes,
  readIndex,
  encodeIndexRow,
  sha256Of,
  type EntryPlan,
  type ObjectToCarry,
  type VolumeLimits,
} from '../src/index.ts';
import { aMemoryBundle } from './support/memory-bundle.ts';

const MIB = 1024 * 1024;
const sizes = fc.oneof(fc.nat(200), fc.nat(MIB), fc.nat(5 * MIB), fc.integer({ min: MIB - 400, max: MIB + 10 }));
const objects = fc
  .array(
    fc.record({
      size: sizes,
      repository: fc.constantFrom('a', 'b'),
      role: fc.constantFrom('content' as const, 'metadata' as const),
      name: fc.string({ unit: fc.constantFrom('x', 'ü', '/y'), minLength: 1, maxLength: 30 }),
    }),
    { maxLength: 60 },
  )
  .map((all) =>
    all
      .toSorted((a, b) => a.repository.localeCompare(b.repository))
      .map(({ size, repository, role, name }, i): ObjectToCarry => ({
        size,
        repository,
        role,
        path: `f${name}/${i}`,
        sha256: sha256Of(Buffer.from(String(i))),
      })),
  );
const limits = fc.record({
  volumeBytes: fc.integer({ min: MIN_VOLUME_BYTES, max: 3 * MIB }),
  packBelowBytes: fc.constantFrom(0, 100, 64 * 1024),
  packBytes: fc.constantFrom(1000, 100_000, 8 * MIB),
  packFrom: fc.constantFrom(1, 2, 32),
});

/** Bytes of each object that the plan carries, and where. */
function carried(plans: readonly EntryPlan<ObjectToCarry>[]): Map<string, { bytes: number; times: number }> {
  const found = new Map<string, { bytes: number; times: number }>();
  const note = (object: ObjectToCarry, bytes: number): void => {
    const one = found.get(object.sha256) ?? { bytes: 0, times: 0 };
    found.set(object.sha256, { bytes: one.bytes + bytes, times: one.times + 1 });
  };
  for (const plan of plans) {
    if (plan.kind === 'pack') for (const { object } of plan.members) note(object, object.size);
    else note(plan.object, plan.stored);
  }
  return found;
}

describe('the plan of volumes', () => {
  test('carries each object once and whole, in volumes without gaps, none too large by its own count', () => {
    fc.assert(
      fc.property(objects, limits, (all, limit: VolumeLimits) => {
        const plans = [...planVolumes(all, limit)];
        const found = carried(plans);
        expect(found.size).toBe(all.length);
        for (const object of all)
          expect([object.path, found.get(object.sha256)?.bytes]).toEqual([object.path, object.size]);
        const numbers = [...new Set(plans.map((plan) => plan.volume))];
        expect(numbers).toEqual(numbers.map((_, i) => i + 1));
        expect(plans.map((plan) => plan.volume)).toEqual(plans.map((plan) => plan.volume).toSorted((a, b) => a - b));
        for (const n of numbers)
          expect(plans.filter((plan) => plan.volume === n).reduce((sum, plan) => sum + plan.stored, 0)).toBeLessThan(
            limit.volumeBytes,
          );
        const entries = plans.map((plan) => plan.entry);
        expect(new Set(entries).size).toBe(entries.length);
      }),
      { numRuns: 200 },
    );
  });

  test('parts follow each other without gap', () => {
    fc.assert(
      fc.property(fc.integer({ min: MIB, max: 40 * MIB }), (size) => {
        const object: ObjectToCarry = {
          size,
          repository: 'a',
          role: 'content',
          path: 'big',
          sha256: sha256Of(Buffer.from('big')),
        };
        const plans = [...planVolumes([object], { ...DEFAULT_LIMITS, volumeBytes: MIN_VOLUME_BYTES })];
        let at = 0;
        plans.forEach((plan, i) => {
          if (plan.kind !== 'part') throw new Error('only parts here');
          expect([plan.part, plan.of, plan.at]).toEqual([i + 1, plans.length, at]);
          at += plan.stored;
        });
        expect(at).toBe(size);
      }),
      { numRuns: 50 },
    );
  });

  test('real volumes keep the limit, also when each ends just at it', async () => {
    const tree = Array.from({ length: 9 }, (_, i) => ({
      path: `größe/${'long'.repeat(20)}/${i}`,
      data: Buffer.alloc(MIB - 700 + i * 60, i),
    }));
    const { manifest, index } = await aMemoryBundle(tree, { limits: { volumeBytes: MIB } });
    expect(manifest.volumes.length).toBeGreaterThan(9);
    for (const volume of manifest.volumes.slice(1)) expect(volume.bytes).toBeLessThanOrEqual(MIB);
    expect(Math.max(...manifest.volumes.map((volume) => volume.bytes))).toBeGreaterThan(MIB - 400);
    expect([
      ...readIndex([Buffer.from(index.map(encodeIndexRow).join(''))], 'index', {
        rows: index.length,
        volumes: manifest.volumes.length,
      }),
    ]).toEqual(index);
  });

  test('an object of 2^32 - 1 bytes is never one entry: ZIP has no clear way to write that size', () => {
    const object: ObjectToCarry = {
      size: 0xffffffff,
      repository: 'a',
      role: 'content',
      path: 'big',
      sha256: sha256Of(Buffer.from('big')),
    };
    const plans = [...planVolumes([object], { ...DEFAULT_LIMITS, volumeBytes: 16 * 1024 * MIB })];
    expect(plans.map(({ kind, stored }) => [kind, stored])).toEqual([
      ['part', 0xfffffffe],
      ['part', 1],
    ]);
  });

  test('volumes below 1 MiB are not made', () => {
    expect(() => [...planVolumes([], { ...DEFAULT_LIMITS, volumeBytes: MIN_VOLUME_BYTES - 1 })]).toThrow(RangeError);
  });
});
