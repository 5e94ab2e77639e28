/** Takes the lock that is named, says so, and waits to be killed. */
import { takeLock } from '../../src/state/lock.ts';

takeLock(process.argv[2] ?? '', 'run');
process.stdout.write('held\n');
setInterval(() => undefined, 1000);
