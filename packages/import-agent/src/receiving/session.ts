/** The parent's side of a medium process: one request after the other, typed. */
import { entryBeside, MediumProcess } from '@gapferry/station/media/process';
import type {
  CheckAsk,
  CheckEvent,
  HeadAsk,
  KeyOnMedium,
  LayAsk,
  LookAsk,
  LookReply,
  MediumRequests,
  ReceiveAsk,
  ReceiveEvent,
  ReceiveReply,
} from './requests.ts';

export interface Medium {
  /** For sentences: the path of the medium. */
  readonly what: string;
  look(ask: LookAsk): Promise<LookReply>;
  head(ask: HeadAsk): Promise<void>;
  receive(ask: ReceiveAsk, onEvent: (event: ReceiveEvent) => void): Promise<ReceiveReply>;
  check(ask: CheckAsk, onEvent: (event: CheckEvent) => void): Promise<void>;
  lay(ask: LayAsk): Promise<void>;
  keys(root: string): Promise<readonly KeyOnMedium[]>;
}

export class MediumSession implements Medium {
  readonly what: string;
  readonly #process: MediumProcess<MediumRequests>;

  constructor(what: string, stallMs: number) {
    this.what = what;
    this.#process = new MediumProcess<MediumRequests>(entryBeside(import.meta.url, './medium-process'), {
      what,
      stallMs,
    });
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  look(ask: LookAsk): Promise<LookReply> {
    return this.#process.ask('look', ask);
  }

  async head(ask: HeadAsk): Promise<void> {
    await this.#process.ask('head', ask);
  }

  receive(ask: ReceiveAsk, onEvent: (event: ReceiveEvent) => void): Promise<ReceiveReply> {
    return this.#process.ask('receive', ask, onEvent);
  }

  async check(ask: CheckAsk, onEvent: (event: CheckEvent) => void): Promise<void> {
    await this.#process.ask('check', ask, onEvent);
  }

  async lay(ask: LayAsk): Promise<void> {
    await this.#process.ask('lay', ask);
  }

  keys(root: string): Promise<readonly KeyOnMedium[]> {
    return this.#process.ask('keys', { root });
  }

  kill(): void {
    this.#process.kill();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }
}
