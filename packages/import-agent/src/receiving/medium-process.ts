/** The medium process: the only code that opens files of a medium. It has neither keys nor journal, and may be killed at any moment. */
import '../memory.ts';
import { serveMedium } from '@gapferry/station/media/serve';
import { checkVolumes } from './check.ts';
import { takeHead } from './head.ts';
import { lay, readKeys } from './lay.ts';
import { look } from './look.ts';
import { receiveInThread } from './in-thread.ts';
import type { MediumRequests } from './requests.ts';

process.umask(0); // modes are decided where files are made

serveMedium<MediumRequests>({
  look: (ask, tell) => look(ask, () => tell.alive()),
  head: async (ask, tell) => {
    await takeHead(ask, () => tell.alive());
    return null;
  },
  receive: (ask, tell) => receiveInThread(ask, tell),
  check: (ask, tell) => {
    checkVolumes(ask, tell);
    return null;
  },
  lay: (ask, tell) => {
    lay(ask, () => tell.alive());
    return null;
  },
  keys: ({ root }) => readKeys(root),
});
