/** `medium lost`: bundles that never arrived. What they carried is sent again. */

import { Misused } from '@gapferry/bundle-format/errors';
import type { Command } from '@gapferry/station/command/command';
import { removeDurably } from '@gapferry/station/files/durable';
import { inOutbox } from '../outbox.ts';
import type { World } from '../world.ts';
import { changing } from './with-world.ts';

const parseSequence = (text: string): number => {
  if (!/^\d{1,16}$/.test(text)) throw new Misused('USAGE', `${text} is not the number of a bundle`);
  return Number(text);
};

/** @throws Misused UNKNOWN_NAME when nothing of it is on the road */
const lose = (world: World, sequence: number): void => {
  const { bundles } = world.ledger;
  if (!bundles.lose(sequence))
    throw new Misused('UNKNOWN_NAME', `bundle ${sequence} is not on the road`, {
      facts: { sequence },
      hint: `on the road: ${bundles.onTheRoad().join(', ') || 'none'}`,
    });
  if (bundles.find(sequence)?.outbox === true) {
    removeDurably(inOutbox(world, sequence));
    bundles.leaveOutbox(sequence);
  }
  world.audit.append({ event: 'bundle.lost', sequence, sites: bundles.sitesOf(sequence).map(({ site }) => site) });
  world.log.warn(`bundle ${sequence} was declared lost`, { sequence });
};

export const mediumLost: Command = {
  name: 'medium lost',
  says: 'declare bundles on the road as lost; without numbers, all of them',
  arguments: [{ name: '[sequence...]', says: 'numbers of bundles' }],
  run: (input, context) =>
    changing(context, 'medium lost', (world) => {
      const given = input.arguments().map(parseSequence);
      const sequences = given.length > 0 ? given : world.ledger.bundles.onTheRoad();
      world.ledger.transaction(() => sequences.forEach((sequence) => lose(world, sequence)));
      const lines = sequences.map(
        (sequence) => `bundle ${sequence} counts as lost: the next export brings what it carried`,
      );
      return { status: 0, json: { lost: sequences }, lines: lines.length > 0 ? lines : ['no bundle is on the road'] };
    }),
};
