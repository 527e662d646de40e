/** Scans that go by watches where they can: what is asked for and what comes is what it is of a scanner alone. */
import type { ByteText } from '../byte-text.ts';
import type { ObjectSink } from '../objects/object.ts';
import type { ScanResult } from '../scan/scan-result.ts';
import type { Scanner, ScanOptions } from '../scan/scanner.ts';
import { chooseEngine, type EngineChoice, type WatchSetting } from './choose-engine.ts';
import { Verification } from './verification.ts';
import type { Dirt } from './watch-calls.ts';
import { watchKindOf, type WatchKind } from './watch-kind.ts';
import { Watcher } from './watcher.ts';

export interface WatchedScannerParts {
  readonly scanner: Pick<Scanner, 'scan' | 'forget'>;
  /** Real path of the workspace. */
  readonly root: string;
  /** A directory outside of the workspace that nobody else uses. It need not exist. */
  readonly cookies: string;
  readonly setting: WatchSetting;
  /** How it is watched; what the system has when it is not given. */
  readonly kind?: WatchKind;
  /** For tests: a clock that is never set back. */
  readonly now?: () => number;
}

type Signal = Parameters<Scanner['scan']>[1];
type Options = Pick<ScanOptions, 'relist' | 'counted'>;

/** Threads that may break before a workspace is only scanned. */
const LIVES = 3;
/** Changes that may have been told nowhere before a workspace is only scanned. */
const UNTOLD = 2;

export class WatchedScanner {
  readonly #parts: WatchedScannerParts;
  readonly #kind: WatchKind | undefined;
  readonly #verification: Verification;
  #watcher: Watcher | undefined;
  #choice: EngineChoice = { engine: 'scan', reason: '' };
  #refusal: string | undefined;
  /** Nothing was told of its directories yet, or they are watched anew after a doubt. */
  #isNew = false;
  #lost = 0;
  #untold = 0;

  constructor(parts: WatchedScannerParts) {
    this.#parts = parts;
    this.#kind = parts.kind ?? watchKindOf(process.platform);
    this.#verification = new Verification(this.#kind?.verifiedFor ?? 0, parts.now);
  }

  /** Which engine the next scan goes by, and why. */
  get choice(): EngineChoice {
    return this.#choice;
  }

  /**
   * Why a scan would be of use now, while nobody waits for one. Undefined: the next one will be quick, or takes as long in
   * any case.
   */
  get due(): string | undefined {
    if (this.#watcher === undefined) return undefined;
    return this.#isNew ? 'the watches are new' : this.#verification.due();
  }

  /**
   * As `Scanner.scan`, which looks at everything first of all, with `relist`, after any doubt, and from time to time.
   *
   * @throws what the scanner throws.
   */
  scan(sink: ObjectSink, signal: Signal, options: Options = {}): ScanResult {
    const told = this.#ask();
    if (told?.kind !== 'dirt' || options.relist === true) return this.#look(sink, signal, options);
    if (this.#verification.due() === undefined) return this.#look(sink, signal, options, told);
    return this.#verification.isRoutine ? this.#verify(sink, signal, options, told) : this.#look(sink, signal, options);
  }

  /** Everything is read again next time. */
  forget(): void {
    this.#parts.scanner.forget();
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** @param dirty where to look; everywhere when it is not given. */
  #look(sink: ObjectSink, signal: Signal, { relist = false, counted }: Options, dirty?: Dirt): ScanResult {
    const entered: ByteText[] = [];
    const isKept = this.#parts.setting !== 'off';
    const result = this.#parts.scanner.scan(sink, signal, {
      relist,
      ...(counted && { counted }),
      ...(dirty && { dirty }),
      ...(isKept && { entered: (directory) => void entered.push(directory) }),
    });
    // What was told is told again when it was not looked at to the end.
    if (result.truncated !== undefined) return result;
    if (result.isWhole) {
      this.#verification.done();
      this.#choose(result.files);
    }
    this.#watcher?.watch(entered, result.isWhole);
    return result;
  }

  /**
   * Looks where the watches lead to, and then everywhere: both find the same, or something was told meanwhile, or the
   * watches do not tell all there is to tell here.
   */
  #verify(sink: ObjectSink, signal: Signal, options: Options, told: Dirt): ScanResult {
    const led = this.#look(sink, signal, {}, told);
    if (led.isWhole || led.truncated !== undefined) return led;
    const whole = this.#look(sink, signal, options);
    const remarks = [...led.remarks, ...whole.remarks];
    if (whole.truncated !== undefined || whole.tree === led.tree) return { ...whole, remarks };
    // This answer is settled by no scan, so what it holds is told again.
    const meanwhile = this.#ask();
    if (meanwhile?.kind === 'dirt' && meanwhile.told === told.told) this.#untold += 1;
    if (this.#untold >= UNTOLD) {
      this.#refusal ??= `changes in it were told by no watch, ${UNTOLD} times by now`;
      this.#choose(whole.files);
    }
    return { ...whole, remarks };
  }

  #ask(): ReturnType<Watcher['dirty']> | undefined {
    const watcher = this.#watcher;
    const told = watcher?.dirty();
    if (watcher === undefined || told === undefined) return undefined;
    this.#isNew = told.kind !== 'dirt';
    if (told.kind === 'dirt') return told;
    this.#verification.doubt(told.reason);
    if (watcher.over !== undefined) {
      this.#lost += 1;
      if (this.#lost >= LIVES) this.#refusal = `${watcher.over}, ${LIVES} times by now`;
    }
    if (told.kind === 'refusal') this.#refusal = told.reason;
    if (told.kind === 'refusal' || watcher.over !== undefined) this.#end();
    return told;
  }

  #choose(files: number): void {
    const { setting, root } = this.#parts;
    const kind = this.#kind;
    const isWatched = this.#watcher !== undefined;
    const silence = setting === 'off' ? undefined : kind?.silence(root);
    const refusal = this.#refusal;
    const { platform } = process;
    const scannedQuickly = kind?.scannedQuickly;
    this.#choice = chooseEngine({ setting, files, platform, scannedQuickly, silence, refusal, isWatched });
    if (kind === undefined || this.#choice.engine === 'scan') this.#end();
    else this.#watcher ??= this.#start(kind);
  }

  #start({ script, deadline }: WatchKind): Watcher {
    const { root, cookies } = this.#parts;
    this.#isNew = true;
    return new Watcher({ root, cookies }, script, deadline);
  }

  #end(): void {
    void this.#watcher?.close();
    this.#watcher = undefined;
  }
}
