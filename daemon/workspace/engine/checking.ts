/** Checks all that is kept of a workspace, in slices, and says in words what is wrong with it. */
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { CheckProgress } from '../../services/snapshot-port.ts';
import { StoredCheck, type CheckReport, type CheckTally } from '../check/check-stored.ts';
import { GitReader } from '../check/git-reader.ts';
import { Pace } from '../prune/sliced.ts';
import { besideFaults, packFaultText, refusals, shownHurt } from './check-words.ts';
import { NEWEST, pointOf } from './names.ts';
import { recordFault } from './records-check.ts';
import type { SideRepository } from './side-repository.ts';

/** How long others may have to wait for a slice, in milliseconds; a large file takes longer. */
const SLICE_MS = 10;
/** What one answer can name; the rest is counted. */
const SHOWN = 500;

interface Run {
  readonly pace: Pace;
  readonly tally: CheckTally;
  readonly work: AsyncGenerator<void, CheckReport>;
  readonly begun: number;
}

/** `go-on` needs a beginning; a beginning gives up what was not ended. */
export type CheckOrder = 'begin' | 'go-on' | 'stop';
export type CheckStep = { readonly done: ResultOf<'snapshot/verify'> } | CheckProgress;

export class Checking {
  readonly #side: SideRepository;
  readonly #done: () => void;
  readonly #sliceMs: number;
  #run: Run | undefined;

  /** @param done told when all that is stored has been read. */
  constructor(side: SideRepository, done: () => void, sliceMs = SLICE_MS) {
    this.#side = side;
    this.#done = done;
    this.#sliceMs = sliceMs;
  }

  /** @throws ProtocolError CANCELLED when nothing has begun that could go on. */
  async obey(order: CheckOrder): Promise<CheckStep> {
    if (order === 'go-on') return await this.#step();
    this.stop();
    if (order === 'begin') await this.#begin();
    return { objects: 0, total: 0 };
  }

  stop(): void {
    void this.#run?.work.return(undefined as never);
    this.#run = undefined;
  }

  async #step(): Promise<CheckStep> {
    const run = this.#run;
    if (run === undefined) throw new ProtocolError('CANCELLED', 'the check was cut off');
    run.pace.begin();
    try {
      const { done, value } = await run.work.next();
      if (done !== true) return { ...run.tally };
      this.#run = undefined;
      this.#done();
      return { done: this.#result(value, performance.now() - run.begun) };
    } catch (error) {
      this.#run = undefined;
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const { store, refs } = this.#side;
    const tally = { objects: 0, total: 0 };
    const git = await GitReader.over(store);
    const check = new StoredCheck({ store, refs, git, recordFault: (ref) => recordFault(store, ref) }, tally);
    const pace = new Pace(this.#sliceMs);
    this.#run = { pace, tally, work: check.run(pace), begun: performance.now() };
  }

  #result(report: CheckReport, durationMs: number): ResultOf<'snapshot/verify'> {
    const { names, packs, objects, bytes, halfRead, faults } = report;
    const snapshots = names.filter(({ name }) => pointOf(name) !== undefined).length;
    const others = names.filter(isOwnName).length - snapshots;
    const hurt = hurtNames(report);
    const problems = [...besideFaults(this.#side), ...faults.map(packFaultText), ...refusals(report)];
    return {
      directory: this.#side.directory,
      encrypted: this.#side.key !== undefined,
      snapshots,
      records: others,
      packs,
      objects,
      bytes,
      halfRead,
      durationMs: Math.round(durationMs),
      problems: problems.slice(0, SHOWN),
      problemsMore: Math.max(0, problems.length - SHOWN),
      hurt: hurt.slice(0, SHOWN),
      hurtMore: Math.max(0, hurt.length - SHOWN),
    };
  }
}

function hurtNames({ hurt, refused }: CheckReport): ResultOf<'snapshot/verify'>['hurt'] {
  const lost = new Set(hurt.map(({ id }) => id));
  const only = refused.filter(({ id }) => !lost.has(id));
  return [
    ...hurt.filter(isOwnName).map((each) => shownHurt(each, false)),
    ...only.filter(isOwnName).map((each) => shownHurt(each, true)),
  ];
}

/** The newest snapshot has another name besides. */
function isOwnName({ name }: { readonly name: string }): boolean {
  return name !== NEWEST;
}
