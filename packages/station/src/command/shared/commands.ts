/** Commands that are the same at both sides and need no configuration. */
import type { Command } from '../command.ts';

export const sharedCommands = (): Command[] => [];
