/**
 * The courier's three words: *wait*, *done: remove it*, *refused: why*. Chosen here and nowhere else, so that the screen, the log and the
 * status page never tell different things. One line each, readable from three metres; codes and details stand elsewhere.
 */
import type { ErrorCode, ErrorKind, GapferryError } from '@gapferry/bundle-format/errors';

export type CourierWord = 'wait' | 'done' | 'refused';

export interface CourierLine {
  readonly word: CourierWord;
  /** Begins with the word. No full stop. */
  readonly line: string;
}

/** What a person with a medium in the hand needs to know about it, as plain data. */
export type CourierState =
  /** Something is read from or written to the medium just now. */
  | { readonly state: 'working'; readonly doing: 'reading' | 'writing' | 'proving'; readonly percent?: number }
  /** Nothing more is needed from it. `wrote`: something new for the other side is on it; `proven`: it was read back from the device. */
  | { readonly state: 'finished'; readonly wrote: boolean; readonly proven: boolean; readonly carryTo?: string }
  /** There was nothing on it for this machine and nothing for it to take. */
  | { readonly state: 'nothing' }
  /** This one is done with; the bundle goes on with another. `what`: volume 3 of 5 */
  | { readonly state: 'next-medium'; readonly what: string }
  /** This one was pulled too early or went bad. */
  | { readonly state: 'failed'; readonly kind: ErrorKind; readonly why: string; readonly code?: ErrorCode };

const DOING = { reading: 'reading', writing: 'writing', proving: 'reading back what was written' } as const;

const working = ({ doing, percent }: Extract<CourierState, { state: 'working' }>): string =>
  `wait: ${DOING[doing]}${percent === undefined ? '' : `, ${Math.floor(percent)} %`}`;

const finished = ({ wrote, proven, carryTo }: Extract<CourierState, { state: 'finished' }>): string => {
  const way = carryTo === undefined ? '' : ` and carry it to ${carryTo}`;
  const doubt = wrote && !proven ? ' (written, not proven on the device)' : '';
  return `done: remove it${way}${doubt}`;
};

/** What is no refusal of the medium: it is not in the machine. What to do stands instead of the reason. */
const NOT_REFUSED: Readonly<Partial<Record<ErrorCode, string>>> = {
  NOT_MOUNTED: 'plug the medium in',
  MEDIA_GONE: 'pulled too early: plug it in again',
};

/** Of kinds that end with the medium's removal the courier hears *refused*; where trying again helps, that is said. */
const failed = ({ kind, why, code }: Extract<CourierState, { state: 'failed' }>): CourierLine => {
  const instead = code === undefined ? undefined : NOT_REFUSED[code];
  if (instead !== undefined) return { word: 'wait', line: `wait: ${instead}` };
  if (kind === 'incomplete') return { word: 'wait', line: `wait: ${why}` };
  const again = kind === 'unfit' || kind === 'damaged' ? '; try once more or take another one' : '';
  return { word: 'refused', line: `refused: ${why}${again}` };
};

export const courierLine = (state: CourierState): CourierLine => {
  switch (state.state) {
    case 'working':
      return { word: 'wait', line: working(state) };
    case 'finished':
      return { word: 'done', line: finished(state) };
    case 'nothing':
      return { word: 'done', line: 'done: nothing here for this machine, remove it' };
    case 'next-medium':
      return { word: 'done', line: `done: remove it and bring ${state.what}` };
    case 'failed':
      return failed(state);
  }
};

/** What the courier hears of an error. */
export const courierFailure = (error: GapferryError): CourierLine =>
  courierLine({ state: 'failed', kind: error.kind, code: error.code, why: error.message });
