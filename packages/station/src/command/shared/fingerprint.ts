/** `fingerprint FILE`: what two people compare by voice or on paper. */
import { Misused } from '@gapferry/bundle-format/errors';
import { exporterIdOf, fingerprintOf, keyIdText } from '@gapferry/bundle-format/signature';
import { readPublicKeyFile } from '../../keys/files.ts';
import type { Command } from '../command.ts';

export const fingerprintCommand: Command = {
  name: 'fingerprint',
  says: 'print the fingerprint of a public key',
  arguments: [{ name: '<file>', says: 'public key, such as exporter.pub or site.pub' }],
  examples: ['fingerprint exporter.pub'],
  run: (input) => {
    const path = input.argument(0);
    if (path === undefined) throw new Misused('USAGE', 'no key file was given');
    const key = readPublicKeyFile(path);
    const fingerprint = fingerprintOf(key);
    return {
      status: 0,
      json: { file: path, fingerprint, keyId: keyIdText(key), exporter: exporterIdOf(key) },
      lines: [fingerprint],
      quiet: [fingerprint],
    };
  },
};
