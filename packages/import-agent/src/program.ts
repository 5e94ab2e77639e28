/** The program `gapferry-import`: its commands, not yet run. */
import { readFileSync } from 'node:fs';
import { defineProgram, type Program } from '@gapferry/station/command/program';
import { sharedCommands } from '@gapferry/station/command/shared/commands';
import { adoptCommand } from './commands/adopt.ts';
import { doctorCommand } from './commands/doctor.ts';
import { importCommand } from './commands/import.ts';
import { initCommand } from './commands/init.ts';
import { historyCommand, missingCommand, statusCommand } from './commands/look.ts';
import { runCommand } from './commands/run.ts';
import { trustAddCommand, trustListCommand, trustRevokeCommand } from './commands/trust.ts';

const version =
  /"version": *"([^"]+)"/.exec(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))?.[1] ?? 'unknown';

export const program: Program = defineProgram({
  name: 'gapferry-import',
  version,
  says: 'takes in signed bundles from removable media and publishes what they bear',
  commands: [
    initCommand,
    trustAddCommand,
    trustListCommand,
    trustRevokeCommand,
    importCommand,
    runCommand,
    adoptCommand,
    statusCommand,
    historyCommand,
    missingCommand,
    doctorCommand,
    ...sharedCommands(),
  ],
});
