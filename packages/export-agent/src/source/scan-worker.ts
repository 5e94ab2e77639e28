/** A thread that scans: takes ranges and large files one by one, walks, compares with the ledger, hashes and freezes what changed. */

import { parentPort, workerData } from 'node:worker_threads';
import { errorToJSON } from '@gapferry/bundle-format/errors';
import type { ScanAnswer, ScanJob, ScanSetting } from './messages.ts';
import { RangeScanner } from './range-scanner.ts';

const port = parentPort;
if (port === null) throw new TypeError('this module runs in a thread');

const say = (answer: ScanAnswer): void => port.postMessage(answer);

// structured data of our own main thread
const scanner = new RangeScanner(workerData as ScanSetting, (findings) => say({ findings }));

port.on('message', (job: ScanJob) => {
  try {
    if (job.job === 'range') scanner.scan(job.range);
    else scanner.hashLarge(job.file);
  } catch (error) {
    say({ error: errorToJSON(error) });
  }
});
