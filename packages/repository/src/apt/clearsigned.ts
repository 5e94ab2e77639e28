/** The text inside a clear-signed message (RFC 9580 section 7), as InRelease is one. The signature itself is for the clients of APT. */

import { BadMetadata } from '../bad-metadata.ts';

const BEGIN = '-----BEGIN PGP SIGNED MESSAGE-----';
const SIGNATURE = '-----BEGIN PGP SIGNATURE-----';
const END = '-----END PGP SIGNATURE-----';

/**
 * @returns the lines between header and signature, without dash escapes
 * @throws BadMetadata when there is anything else: text outside of the armour is read by some programs and not by others
 */
export const clearsignedText = (message: string): string => {
  const lines = message.split('\n').map((line) => line.trimEnd());
  const blank = lines.indexOf('');
  const signature = lines.indexOf(SIGNATURE);
  const end = lines.indexOf(END);
  const whole = lines[0] === BEGIN && blank > 0 && blank < signature && signature < end;
  if (!whole) throw new BadMetadata('is not one clear-signed message');
  if (lines.slice(end + 1).some((line) => line !== '')) throw new BadMetadata('goes on after its signature');
  return lines
    .slice(blank + 1, signature)
    .map((line) => {
      if (line.startsWith('- ')) return line.slice(2);
      if (line.startsWith('-')) throw new BadMetadata('has an unescaped dash in its signed text');
      return line;
    })
    .join('\n');
};
