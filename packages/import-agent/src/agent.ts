/**
 * One import, as DESIGN section 7 tells it: look, admit, learn, receive, tell the courier, publish, answer.
 *
 * Power may be cut between any two lines. Nothing is promised outside before it is durable inside, every step can be repeated, and the next start goes
 * on from the journal.
 */
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isWithin } from './configuration/load.ts';
import {
  type ErrorCode,
  type ExitStatus,
  exitStatusOf,
  GapferryError,
  kindOf,
  worstStatus,
} from '@gapferry/bundle-format/errors';
import type { RepositoryState } from '@gapferry/bundle-format/receipt';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { courierFailure, courierLine } from '@gapferry/station/courier';
import type { Presence } from '@gapferry/station/media/place';
import { surveyAll } from './holdings/check.ts';
import type { OfferRecord } from './journal/bundles.ts';
import type { Target } from './journal/inventories.ts';
import { isComplete, publishReceived } from './publishing/publish-received.ts';
import { newestFirst } from './publishing/newest.ts';
import { deliverReceipts, issueOwed, type ReceiptPlace } from './receipts/deliver.ts';
import { copyIn, forgetIncoming, incomingOf, keepEvidence } from './receiving/evidence.ts';
import { payAudit } from './record-owed.ts';
import { learnInventory, spoolFolder, takeHead } from './receiving/learn.ts';
import type { LookReply } from './receiving/requests.ts';
import type { Medium } from './receiving/session.ts';
import { checkCopy, takeObjects, type Taken } from './receiving/take-objects.ts';
import { isoSeconds, type Offer } from './trust/admission.ts';
import { type AdmittedCopy, judgeCopy, type Judged } from './trust/admit.ts';
import { readTrust } from './trust/file.ts';
import type { TrustStore } from './trust/store.ts';
import { refuseUntrusted } from './trust/again.ts';
import type { World } from './world.ts';

/** Something to take in: a medium that was mounted, or a path that a person named. */
export interface Arrival {
  readonly medium: Medium;
  /** A medium's root, a folder of bundles, or one bundle. */
  readonly path: string;
  /** Tells copies of one bundle apart: refusals are audited once for each. */
  readonly identity: string;
  /** Undefined where a person named a path: then nothing is written outside of it. */
  readonly presence: Presence | undefined;
}

export interface RepositoryOutcome {
  readonly name: string;
  readonly snapshot: number;
  readonly state: RepositoryState;
  readonly code: ErrorCode | null;
  readonly says: string | null;
  /** Objects that are lacking. */
  readonly missing: number;
  readonly missingBytes: number;
}

export interface BundleOutcome {
  readonly folder: string;
  readonly exporter: string | null;
  readonly sequence: number | null;
  readonly manifest: Sha256 | null;
  readonly status: ExitStatus;
  readonly repositories: readonly RepositoryOutcome[];
  /** Repositories of the bundle that this site does not carry. */
  readonly skipped: readonly string[];
  readonly errors: readonly GapferryError[];
  /** Nothing had to be done: it was published before, or is older than what is. */
  readonly nothingNew: boolean;
}

export interface Outcome {
  readonly bundles: readonly BundleOutcome[];
  readonly published: readonly OfferRecord[];
  readonly objects: number;
  readonly bytes: number;
  /** Numbers of receipts that lie on the medium now. */
  readonly receipts: readonly number[];
  readonly receiptKept: GapferryError | null;
  readonly foreign: readonly string[];
  /** What was admitted from other media before, and is trusted no more. */
  readonly refused: readonly GapferryError[];
  readonly status: ExitStatus;
}

/** What lies there. @param known stamps of an earlier look: what has not changed since is not read again */
export const look = (
  world: World,
  { medium, path, identity }: Arrival,
  known: Readonly<Record<string, string>> = {},
): Promise<LookReply> => medium.look({ path, inbox: incomingOf(world.config, { path, identity }), known });

/** @throws Unfit MEDIA_GONE, MEDIA_TIMEOUT, LOCAL_FULL …: what concerns the medium or the machine as a whole. What concerns one bundle is in the outcome. */
export async function takeIn(world: World, arrival: Arrival, seen: LookReply): Promise<Outcome> {
  const run = new Import(world, arrival, seen);
  try {
    run.admit();
    run.askTrustAgain();
    await run.learn();
    await run.receive();
    await run.check();
    run.settle();
    await run.answer();
    run.askTrustAgain(); // all this may have taken hours
    const published = await publishReceived(world, run.trust);
    if (published.length > 0) await run.answer();
    return run.outcome(published);
  } finally {
    run.tidy();
  }
}

interface Copy extends AdmittedCopy {
  readonly errors: GapferryError[];
  /** False once its head or its index turned out to be unusable. */
  usable: boolean;
  headTaken: boolean;
  /** Numbers of volumes of which every block was read and is good. */
  readonly whole: Set<number>;
  readonly nothingNew: boolean;
}

/** Blocks are good and what they hold together is not: whoever signed it meant it so, and every copy of it is alike. */
const STRUCTURAL: readonly ErrorCode[] = [
  'ENTRY_UNLISTED',
  'ENTRY_MISSING',
  'ZIP_INVALID',
  'ZIP_MISMATCH',
  'ZIP_AMBIGUOUS',
  'ZIP_COUNT',
  'ZIP_GAP',
  'ZIP_OVERLAP',
  'ZIP_FEATURE',
];
const isStructural = ({ code }: GapferryError): boolean => STRUCTURAL.includes(code);

class Import {
  #trust: TrustStore;
  readonly #world: World;
  readonly #arrival: Arrival;
  readonly #seen: LookReply;
  /** Fixed once: every rule of this import judges by the same time. */
  readonly #now: Date;
  readonly #judged: { readonly folder: string; readonly judged: Judged }[] = [];
  #copies: Copy[] = [];
  #objects = 0;
  #bytes = 0;
  readonly #absent = new Map<number, Set<string>>();
  #delivered: readonly number[] = [];
  #kept: GapferryError | null = null;
  /** Offers that were open until trust was asked again. */
  readonly #distrusted: GapferryError[] = [];
  /** Repositories for which objects may have come from a bundle that was refused afterwards: nothing of theirs is published in this run. */
  readonly #tainted = new Map<string, number>();

  constructor(world: World, arrival: Arrival, seen: LookReply) {
    this.#world = world;
    this.#arrival = arrival;
    this.#seen = seen;
    this.#now = world.now();
    this.#trust = readTrust(world.config.trust);
  }

  get trust(): TrustStore {
    return this.#trust;
  }

  /** The trust store as it is now, for everything that is still open, whichever medium brought it. */
  askTrustAgain(): void {
    this.#trust = readTrust(this.#world.config.trust);
    this.#distrusted.push(...refuseUntrusted(this.#world, this.#trust));
  }

  // ---- admitted ------------------------------------------------------------------------------------------------------------------------------

  /** In the order of their numbers, so that each is judged by what came before it. */
  admit(): void {
    for (const bundle of this.#seen.bundles) {
      if (bundle.unchanged) continue;
      const judged = judgeCopy(this.#world, this.trust, this.#incoming, bundle, this.#now);
      this.#judged.push({ folder: bundle.folder, judged });
      this.#keep(bundle.folder, judged);
      if (judged.verdict === 'admitted') this.#admitCopy(judged.copy);
      if (judged.verdict === 'rejected') this.#reject(bundle.folder, judged);
    }
    this.#copies.sort((a, b) => b.admission.manifest.sequence - a.admission.manifest.sequence);
  }

  get #incoming(): string {
    return incomingOf(this.#world.config, this.#arrival);
  }

  /** Evidence stays of what a trusted key signed, also of what was refused for another reason. */
  #keep(folder: string, judged: Judged): void {
    const copy = copyIn(this.#incoming, folder);
    if (judged.verdict === 'admitted') keepEvidence(this.#world.config, copy, judged.copy.sha256, true);
    const isSigned =
      judged.verdict === 'rejected' &&
      judged.signed !== null &&
      judged.sha256 !== null &&
      judged.error.code !== 'KEY_REVOKED';
    if (isSigned && judged.sha256 !== null) keepEvidence(this.#world.config, copy, judged.sha256, false);
  }

  #admitCopy(copy: AdmittedCopy): void {
    const { journal, log } = this.#world;
    const { manifest, offers } = copy.admission;
    const isNew = !journal.bundles.memory().wasAdmitted(copy.sha256);
    const hostile = journal.bundles.refusedFor(copy.sha256, STRUCTURAL);
    const record = journal.transaction(() => {
      if (isNew) {
        journal.receipts.owe([manifest.exporter]);
        journal.oweAudit({
          event: 'bundle.admitted',
          exporter: manifest.exporter,
          sequence: manifest.sequence,
          manifest: copy.sha256,
          repositories: offers.map(({ repository }) => repository.name),
        });
      }
      const made = offers
        .flatMap(toNewOffer)
        .map((offer) =>
          hostile === undefined || offer.state !== 'admitted'
            ? offer
            : { ...offer, state: 'refused' as const, reason: hostile },
        );
      return journal.bundles.admit({ ...manifest, manifest: copy.sha256, now: isoSeconds(this.#now), offers: made });
    });
    payAudit(this.#world);
    const nothingNew = !journal.bundles.isOpen(record.id);
    const errors = hostile === undefined ? [] : [new GapferryError(hostile.code, hostile.says)];
    this.#copies.push({
      ...copy,
      errors,
      usable: hostile === undefined,
      headTaken: false,
      whole: new Set(),
      nothingNew,
    });
    for (const { repository, verdict } of offers)
      if (verdict.do === 'refuse') this.#auditRefusal(copy, verdict.error, `${repository.name}: `);
    if (!isNew) return;
    log.info(`bundle ${manifest.sequence} of ${manifest.exporter} is admitted`, {
      folder: copy.folder,
      sequence: manifest.sequence,
      exporter: manifest.exporter,
    });
  }

  #reject(folder: string, { error, sha256, signed }: Extract<Judged, { verdict: 'rejected' }>): void {
    const { journal, audit, log } = this.#world;
    const facts = {
      code: error.code,
      folder,
      manifest: sha256,
      exporter: signed?.exporter ?? null,
      sequence: signed?.sequence ?? null,
    };
    if (error.kind !== 'refused' || sha256 === null) {
      // Damage belongs to this copy alone and is looked at again each time.
      audit.append({ event: 'bundle.damaged', ...facts });
      log.error(`${folder}: ${error.message}`, facts);
      return;
    }
    const isNew = journal.transaction(() => {
      const made = journal.bundles.refuse({
        manifest: sha256,
        medium: this.#arrival.identity,
        reason: { code: error.code, says: error.message },
        exporter: signed?.exporter ?? null,
        sequence: signed?.sequence ?? null,
        now: isoSeconds(this.#now),
      });
      if (!made) return false;
      if (signed !== null && this.trust.keys.some(({ exporter }) => exporter === signed.exporter))
        journal.receipts.owe([signed.exporter]);
      journal.oweAudit({ event: 'bundle.refused', ...facts });
      journal.addHistory({
        at: isoSeconds(this.#now),
        event: 'refused',
        repository: null,
        exporter: facts.exporter,
        sequence: facts.sequence,
        snapshot: null,
        manifest: sha256,
        code: error.code,
        says: error.message,
        bytes: null,
        files: null,
      });
      return true;
    });
    payAudit(this.#world);
    if (!isNew) return;
    log.error(`${folder}: ${error.message}`, { ...facts, hint: error.hint });
  }

  #auditRefusal(copy: AdmittedCopy, error: GapferryError, prefix = ''): void {
    const { journal, log } = this.#world;
    const { exporter, sequence } = copy.admission.manifest;
    const reason = { code: error.code, says: `${prefix}${error.message}` };
    const isNew = journal.transaction(() => {
      const made = journal.bundles.refuse({
        manifest: copy.sha256,
        medium: this.#arrival.identity,
        reason,
        exporter,
        sequence,
        now: isoSeconds(this.#now),
      });
      if (made)
        journal.oweAudit({
          event: 'repository.refused',
          code: error.code,
          folder: copy.folder,
          manifest: copy.sha256,
          exporter,
          sequence,
          says: reason.says,
        });
      return made;
    });
    payAudit(this.#world);
    if (!isNew) return;
    log.error(`${copy.folder}: ${reason.says}`, { code: error.code, hint: error.hint });
  }

  // ---- receiving -----------------------------------------------------------------------------------------------------------------------------

  /** Inventories of everything that may still be published go into the journal. Of bundles that have nothing new only an index may be needed later. */
  async learn(): Promise<void> {
    for (const copy of this.#copies) {
      if (copy.nothingNew) continue;
      await this.#trying(copy, () => this.#takeHead(copy));
      if (!copy.usable) continue;
      const offers = this.#offersOf(copy);
      for (const [place, { name }] of copy.admission.manifest.repositories.entries()) {
        const offer = offers.find(({ repository }) => repository === name);
        if (offer !== undefined && isOpen(offer)) await this.#learnOne(copy, offer, place);
      }
    }
  }

  async #takeHead(copy: Copy): Promise<void> {
    if (copy.headTaken) return;
    await takeHead(this.#world, this.#arrival.medium, copy);
    copy.headTaken = true;
  }

  async #learnOne(copy: Copy, offer: OfferRecord, place: number): Promise<void> {
    try {
      await learnInventory(this.#world, copy, place);
    } catch (error) {
      if (!(error instanceof GapferryError) || (error.kind !== 'refused' && error.kind !== 'damaged')) throw error;
      this.#world.journal.bundles.setState(offer, 'refused', isoSeconds(this.#now), {
        code: error.code,
        says: error.message,
      });
      this.#auditRefusal(copy, error);
      copy.errors.push(error);
    }
  }

  /** What belongs to this copy is noted with it; another copy, or what other bundles bring, may still do. */
  async #trying<T>(copy: Copy, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GapferryError) || !concernsCopy(error, copy)) throw error;
      copy.usable = false;
      if (error.kind === 'refused' || isStructural(error)) this.#refuse(copy, error);
      else this.#damaged(copy, [error]);
      return undefined;
    }
  }

  /** What it signed is not what a bundle may be: none of it is published, and nothing either, in this run, for which objects may have come from it. */
  #refuse(copy: Copy, error: GapferryError): void {
    const { bundles } = this.#world.journal;
    const { exporter, sequence } = copy.admission.manifest;
    copy.usable = false;
    copy.errors.push(error);
    for (const offer of this.#offersOf(copy)) {
      this.#tainted.set(offer.repository, sequence);
      if (isOpen(offer))
        bundles.setState(offer, 'refused', isoSeconds(this.#now), { code: error.code, says: error.message });
    }
    this.#world.journal.receipts.owe([exporter]);
    this.#auditRefusal(copy, error);
  }

  #damaged(copy: Copy, errors: readonly GapferryError[]): void {
    const { audit, log } = this.#world;
    const [first] = errors;
    if (first === undefined) return;
    copy.errors.push(...errors);
    for (const error of errors) log.error(`${copy.folder}: ${error.message}`, { code: error.code, ...error.facts });
    if (first.kind !== 'damaged') return;
    const { exporter, sequence } = copy.admission.manifest;
    audit.append({
      event: 'bundle.damaged',
      code: first.code,
      folder: copy.folder,
      manifest: copy.sha256,
      exporter,
      sequence,
      says: errors.slice(0, 10).map((error) => error.message),
    });
  }

  /** The newest offer of each repository is completed from every bundle here; where that is not enough, an older one is tried. */
  async receive(): Promise<void> {
    const byRepository = this.#candidates();
    if (byRepository.size === 0) return;
    await surveyAll(this.#world);
    for (let depth = 0; ; depth++) {
      if ([...byRepository.values()].every((all) => all[depth] === undefined)) return;
      const offers = [...byRepository.values()].flatMap((all) => {
        const offer = all[depth];
        const newer = all.slice(0, depth).filter((one) => this.#isStillOpen(one));
        return offer === undefined || !this.#isStillOpen(offer) || newer.some((one) => isComplete(this.#world, one))
          ? []
          : [offer];
      });
      await this.#complete(offers);
    }
  }

  /** A bundle that turns out to be hostile takes its offers with it. */
  #isStillOpen(offer: OfferRecord): boolean {
    return this.#world.journal.bundles
      .offersOf(offer.bundle)
      .some((one) => one.repository === offer.repository && isOpen(one));
  }

  #candidates(): Map<string, OfferRecord[]> {
    const { journal, config } = this.#world;
    const found = new Map<string, OfferRecord[]>();
    for (const name of config.repositories.keys()) {
      const offers = newestFirst(journal.bundles.openOffers(name), this.trust).filter(
        (offer) => journal.targetOf(offer) !== undefined,
      );
      if (offers.length > 0) found.set(name, offers);
    }
    return found;
  }

  async #complete(offers: readonly OfferRecord[]): Promise<void> {
    const { journal, courier } = this.#world;
    const targets = offers.flatMap((offer) => journal.targetOf(offer) ?? []);
    for (const copy of this.#copies) {
      if (!copy.usable) continue;
      for (const offer of offers)
        if (offer.state === 'admitted' && this.#isStillOpen(offer))
          journal.bundles.setState(offer, 'receiving', isoSeconds(this.#now));
      courier(this.#arrival.medium.what, courierLine({ state: 'working', doing: 'reading' }));
      const taken = await this.#trying(copy, async () => {
        await this.#takeHead(copy);
        return takeObjects(this.#world, this.#arrival.medium, copy, targets);
      });
      if (taken !== undefined) this.#note(copy, taken);
      if (taken?.lacked === false) return;
    }
  }

  #note(copy: Copy, { objects, bytes, absent, whole, damage }: Taken): void {
    for (const number of whole) copy.whole.add(number);
    this.#objects += objects;
    this.#bytes += bytes;
    const hostile = damage.find(isStructural);
    this.#damaged(
      copy,
      damage.filter((one) => !isStructural(one)),
    );
    if (hostile !== undefined) this.#refuse(copy, hostile);
    if (objects > 0) this.#world.journal.receipts.owe([copy.admission.manifest.exporter]);
    if (absent.length > 0) this.#absent.set(copy.admission.manifest.sequence, new Set(absent));
  }

  /**
   * Before a bundle is published, every byte of it that is there has been found good, also what was not needed: a copy that is damaged anywhere is not
   * taken as good, and whoever carries it shall hear of it.
   */
  async check(): Promise<void> {
    for (const copy of this.#copies) {
      const complete =
        copy.usable && this.#offersOf(copy).some((offer) => isOpen(offer) && isComplete(this.#world, offer));
      if (complete) this.#damaged(copy, await checkCopy(this.#world, this.#arrival.medium, copy, copy.whole));
    }
  }

  /** The damage for which an offer is held back, although its objects may be there: it needs a good copy of its bundle. */
  #heldBack(offer: OfferRecord): { code: ErrorCode; says: string } | undefined {
    const hostile = this.#tainted.get(offer.repository);
    if (hostile !== undefined)
      return {
        code: 'HELD',
        says: `until the next import: bundle ${hostile}, which was refused, may have brought objects for it`,
      };
    const copies = this.#copies.filter(({ sha256 }) => sha256 === offer.manifest);
    const damage = copies.map(({ errors }) => errors.find(({ kind }) => kind === 'damaged'));
    if (damage.includes(undefined)) return undefined;
    const [first] = damage;
    if (first !== undefined)
      return { code: first.code, says: `a good copy of bundle ${offer.sequence}: ${first.message}` };
    const before =
      offer.state === 'waiting' && offer.code !== null && offer.says !== null && kindOf(offer.code) === 'damaged';
    return before ? { code: offer.code, says: offer.says } : undefined;
  }

  /** Each open offer is received, or waits, and the journal says for what. */
  settle(): void {
    const { journal, config, log } = this.#world;
    for (const name of config.repositories.keys()) {
      for (const offer of journal.bundles.openOffers(name)) {
        const target = journal.targetOf(offer);
        const { files, bytes } =
          target === undefined ? { files: -1, bytes: 0 } : journal.inventories.lacking(target.inventory);
        const heldBack = this.#heldBack(offer);
        if (files === 0 && heldBack === undefined) {
          if (offer.state !== 'failed' && offer.state !== 'publishing')
            journal.bundles.setState(offer, 'received', isoSeconds(this.#now));
          continue;
        }
        const reason = heldBack ?? this.#waitsFor(offer, files);
        if (offer.state === 'waiting' && offer.says === reason.says) continue;
        journal.bundles.setState(offer, 'waiting', isoSeconds(this.#now), reason);
        journal.receipts.owe([offer.exporter]);
        log.warn(`${name}: snapshot ${offer.snapshot} waits: ${reason.says}`, {
          repository: name,
          snapshot: offer.snapshot,
          code: reason.code,
          missing: files,
          bytes,
        });
      }
    }
  }

  #waitsFor(offer: OfferRecord, files: number): { code: ErrorCode; says: string } {
    const absent = [...(this.#absent.get(offer.sequence) ?? [])];
    if (absent.length > 0)
      return { code: 'BUNDLE_INCOMPLETE', says: `bring ${absent.join(', ')} of bundle ${offer.sequence}` };
    if (files < 0) return { code: 'BUNDLE_INCOMPLETE', says: `the head of bundle ${offer.sequence} could not be read` };
    return { code: 'OBJECTS_MISSING', says: `${files} ${files === 1 ? 'object' : 'objects'}, with the next export` };
  }

  // ---- the way back --------------------------------------------------------------------------------------------------------------------------

  /** Receipts, then the word to the courier: from here on the medium is not needed any more. */
  async answer(): Promise<void> {
    const { config, courier } = this.#world;
    const issued = issueOwed(this.#world, this.#waitingTargets());
    const place = this.#receiptPlace();
    if (issued > 0 && place !== undefined)
      courier(this.#arrival.medium.what, courierLine({ state: 'working', doing: 'writing' }));
    const { delivered, kept } = await deliverReceipts(this.#world, place);
    this.#delivered = delivered;
    this.#kept = kept;
    const error = this.#errors()[0] ?? (kept?.code === 'MEDIA_GONE' ? kept : undefined);
    if (error !== undefined) courier(this.#arrival.medium.what, courierFailure(error));
    else if (this.#copies.length === 0 && delivered.length === 0)
      courier(this.#arrival.medium.what, courierLine({ state: 'nothing' }));
    else
      courier(
        this.#arrival.medium.what,
        courierLine({ state: 'finished', wrote: config.receipts && issued > 0 && delivered.length > 0, proven: true }),
      );
  }

  /** What the newest offers lack: the exporter is asked for it. */
  #waitingTargets(): Target[] {
    const { journal, config } = this.#world;
    return [...config.repositories.keys()].flatMap((name) => {
      const [newest] = newestFirst(journal.bundles.openOffers(name), this.trust);
      return newest?.state === 'waiting' ? (journal.targetOf(newest) ?? []) : [];
    });
  }

  #receiptPlace(): ReceiptPlace | undefined {
    const { root } = this.#seen;
    const { medium, presence } = this.#arrival;
    return root === null || presence?.readOnly === true ? undefined : { medium, root, presence };
  }

  /** Also after a failure: heads are large, and what nobody trusted signed leaves nothing behind. */
  tidy(): void {
    for (const copy of this.#copies) rmSync(spoolFolder(this.#world, copy), { recursive: true, force: true });
    forgetIncoming(this.#incoming);
  }

  // ---- the outcome ---------------------------------------------------------------------------------------------------------------------------

  #errors(): GapferryError[] {
    const rejected = this.#judged.flatMap(({ judged }) => (judged.verdict === 'rejected' ? [judged.error] : []));
    return [...rejected, ...this.#copies.flatMap((copy) => copy.errors), ...this.#distrusted];
  }

  #offersOf(copy: AdmittedCopy): OfferRecord[] {
    const { bundles } = this.#world.journal;
    const record = bundles.find(copy.sha256);
    return record === undefined ? [] : bundles.offersOf(record.id);
  }

  outcome(published: readonly OfferRecord[]): Outcome {
    const bundles = this.#judged.flatMap(({ folder, judged }) => this.#bundleOutcome(folder, judged));
    return {
      bundles,
      published,
      objects: this.#objects,
      bytes: this.#bytes,
      receipts: this.#delivered,
      receiptKept: this.#kept,
      foreign: [
        ...this.#seen.foreign,
        ...this.#seen.bundles.flatMap(({ folder, foreign }) => foreign.map((name) => join(basename(folder), name))),
      ],
      refused: this.#distrusted,
      status: worstStatus([...bundles.map(({ status }) => status), ...this.#distrusted.map(exitStatusOf)]),
    };
  }

  #bundleOutcome(folder: string, judged: Judged): BundleOutcome[] {
    const nobody = {
      folder,
      exporter: null,
      sequence: null,
      manifest: null,
      repositories: [],
      skipped: [],
      nothingNew: false,
    };
    if (judged.verdict === 'foreign') return [];
    if (judged.verdict === 'unfinished')
      return [{ ...nobody, status: exitStatusOf(judged.error), errors: [judged.error] }];
    if (judged.verdict === 'rejected') {
      const { error, sha256, signed } = judged;
      return [
        {
          ...nobody,
          manifest: sha256,
          exporter: signed?.exporter ?? null,
          sequence: signed?.sequence ?? null,
          status: exitStatusOf(error),
          errors: [error],
        },
      ];
    }
    const copy = this.#copies.find((one) => one.folder === folder);
    return copy === undefined ? [] : [this.#admittedOutcome(copy)];
  }

  #admittedOutcome(copy: Copy): BundleOutcome {
    const { manifest, offers } = copy.admission;
    const repositories = this.#offersOf(copy).map((offer) => this.#repositoryOutcome(offer));
    return {
      folder: copy.folder,
      exporter: manifest.exporter,
      sequence: manifest.sequence,
      manifest: copy.sha256,
      repositories,
      skipped: offers.filter(({ verdict }) => verdict.do === 'skip').map(({ repository }) => repository.name),
      errors: copy.errors,
      nothingNew: copy.nothingNew,
      status: worstStatus([...copy.errors.map(exitStatusOf), ...repositories.map(statusOf)]),
    };
  }

  #repositoryOutcome(offer: OfferRecord): RepositoryOutcome {
    const { journal } = this.#world;
    const target = isOpen(offer) ? journal.targetOf(offer) : undefined;
    const lacking = target === undefined ? { files: 0, bytes: 0 } : journal.inventories.lacking(target.inventory);
    return {
      name: offer.repository,
      snapshot: offer.snapshot,
      state: offer.state,
      code: offer.code,
      says: offer.says,
      missing: lacking.files,
      missingBytes: lacking.bytes,
    };
  }
}

/**
 * Does the failure belong to this copy alone? A medium that went away and a machine that cannot go on concern all others too; but a file that is larger than
 * the disk knows, or one that may not be read, is only this bundle's.
 */
function concernsCopy({ kind, code, facts }: GapferryError, { folder, sha256 }: AdmittedCopy): boolean {
  if (kind === 'damaged' || kind === 'incomplete' || kind === 'refused') return true;
  if (kind !== 'unfit') return false;
  const { bundle, errno, path } = facts;
  const isOnCopy =
    (code === 'PERMISSION' || code === 'SCAN_LIMIT') && typeof path === 'string' && isWithin(folder, path);
  return bundle === sha256 || errno === 'EFBIG' || isOnCopy;
}

const isOpen = (offer: OfferRecord): boolean =>
  offer.state !== 'published' && offer.state !== 'superseded' && offer.state !== 'refused';

function statusOf({ state, code, says }: RepositoryOutcome): ExitStatus {
  if (state === 'published' || state === 'superseded') return 0;
  if (code !== null) return exitStatusOf(new GapferryError(code, says ?? ''));
  return state === 'waiting' || state === 'received' ? 5 : 0;
}

function toNewOffer({ repository, verdict }: Offer): {
  repository: string;
  snapshot: number;
  inventory: Sha256;
  state: RepositoryState;
  reason: { code: ErrorCode; says: string } | null;
}[] {
  const base = { repository: repository.name, snapshot: repository.snapshot, inventory: repository.inventory.sha256 };
  switch (verdict.do) {
    case 'skip':
      return [];
    case 'take':
      return [{ ...base, state: 'admitted', reason: null }];
    case 'nothing':
      return [{ ...base, state: verdict.because, reason: null }];
    case 'refuse':
      return [{ ...base, state: 'refused', reason: { code: verdict.error.code, says: verdict.error.message } }];
  }
}
