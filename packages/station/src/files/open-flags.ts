/** Flags of open(2). Those that Windows does not have are 0 there, whatever the type declarations say. */
import { constants } from 'node:fs';

const orNone = (flag: number | undefined): number => flag ?? 0;

export const O_RDONLY: number = constants.O_RDONLY;
export const O_WRONLY: number = constants.O_WRONLY;
export const O_RDWR: number = constants.O_RDWR;
export const O_CREAT: number = constants.O_CREAT;
export const O_EXCL: number = constants.O_EXCL;
export const O_TRUNC: number = constants.O_TRUNC;
export const O_APPEND: number = constants.O_APPEND;
export const O_NOFOLLOW: number = orNone(constants.O_NOFOLLOW);
export const O_NONBLOCK: number = orNone(constants.O_NONBLOCK);
/** Only Linux: on macOS the constant is missing, elsewhere it means other things. */
export const O_DIRECT: number = process.platform === 'linux' ? orNone(constants.O_DIRECT) : 0;
