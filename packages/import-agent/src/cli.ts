/** `gapferry-import`: a program is its commands. */
import { readFileSync } from 'node:fs';
import { defineProgram, runMain } from '@gapferry/station/command/program';
import { sharedCommands } from '@gapferry/station/command/shared/commands';
import { adoptCommand } from './commands/adopt.ts';
import { importCommand } from './commands/import.ts';
import { initCommand } from './commands/init.ts';
import { historyCommand, missingCommand, statusCommand } from './commands/look.ts';
import { runCommand } from './commands/run.ts';
import { trustAddCommand, trustListCommand, trustRevokeCommand } from './commands/trust.ts';

const { version }: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

await runMain(
  defineProgram({
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
      ...sharedCommands(),
    ],
  }),
);
