/** Commands that are the same at both sides and need no configuration. */
import type { Command } from '../command.ts';
import { fingerprintCommand } from './fingerprint.ts';
import { inspectCommand } from './inspect.ts';
import { verifyCommand } from './verify.ts';

export const sharedCommands = (): Command[] => [inspectCommand, verifyCommand, fingerprintCommand];
