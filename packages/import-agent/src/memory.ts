/**
 * Imported first by the program and by its medium process. Rows and messages live for a moment; a young generation that grows to its usual size would only
 * hold more of them.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
