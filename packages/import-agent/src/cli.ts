/** Runs the program on the real world. */
import './memory.ts';
import { runMain } from '@gapferry/station/command/program';
import { program } from './program.ts';

await runMain(program);
