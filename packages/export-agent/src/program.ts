/** The program `gapferry-export`: its commands, not yet run. */

import { readFileSync } from 'node:fs';
import { defineProgram, type Program } from '@gapferry/station/command/program';
import { sharedCommands } from '@gapferry/station/command/shared/commands';
import { doctor } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { init } from './commands/init.ts';
import { mediumLost } from './commands/medium.ts';
import { receiptAdd } from './commands/receipt.ts';
import { run } from './commands/run.ts';
import { siteAdd, siteList, siteShow } from './commands/site.ts';
import { history, status } from './commands/status.ts';

const version =
  /"version": *"([^"]+)"/.exec(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))?.[1] ?? 'unknown';

export const program: Program = defineProgram({
  name: 'gapferry-export',
  version,
  says: 'carries repositories across an air gap: the connected side',
  commands: [
    init,
    exportCommand,
    run,
    siteAdd,
    siteList,
    siteShow,
    receiptAdd,
    mediumLost,
    status,
    history,
    doctor,
    ...sharedCommands(),
  ],
});
