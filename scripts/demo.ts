/** `npm run demo`: both daemons for real, a repository crosses, what is wrong does not, and a client uses what arrived. Ends with 0 only if every promise held. */
import { BrokenPromise } from './demo/promises.ts';
import { BadOption, type DemoOptions, parseOptions, USAGE } from './demo/options.ts';
import { tellNpmStory } from './demo/npm-story.ts';
import { tellOwnStory } from './demo/own-story.ts';
import { endAll, TooLate } from './demo/processes.ts';
import { seconds } from './demo/screen.ts';
import { Stage } from './demo/stage.ts';

const INTERRUPTED = 130;

const demo = async (options: DemoOptions): Promise<number> => {
  const began = performance.now();
  const stage = new Stage();
  const { screen } = stage;
  let interrupted = false;
  const end = async (keep: boolean): Promise<void> => {
    await endAll();
    stage.end(keep);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interrupted) return;
      interrupted = true;
      screen.line('stopping both daemons and removing what the demo made');
      void end(false).finally(() => process.exit(INTERRUPTED));
    });
  }
  try {
    screen.title('Gapferry: a repository crosses an air gap');
    await (options.own === undefined ? tellNpmStory(stage, options.stick) : tellOwnStory(stage, options.own));
    await end(options.keep);
    screen.title('What crossed');
    stage.showTable();
    screen.title(`All ${stage.promises.kept} promises held, in ${seconds(performance.now() - began)}.`);
    if (options.keep) screen.line(`kept: ${stage.root}`);
    return 0;
  } catch (error) {
    if (interrupted) return INTERRUPTED;
    await end(true);
    screen.title('The demo failed');
    for (const line of explain(error)) screen.line(line);
    screen.line(`kept for looking at: ${stage.root} (what the agents said: near/logs, far/logs)`);
    return 1;
  }
};

const explain = (error: unknown): string[] => {
  if (!(error instanceof Error)) return [String(error)];
  return (
    error instanceof BrokenPromise || error instanceof TooLate ? error.message : (error.stack ?? error.message)
  ).split('\n');
};

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(`${USAGE}\n`);
  process.exitCode = options === undefined ? 0 : await demo(options);
} catch (error) {
  if (!(error instanceof BadOption)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}\n`);
  process.exitCode = 2;
}
