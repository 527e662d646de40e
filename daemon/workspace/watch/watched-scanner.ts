/** Scans that go by watches where they can: what is asked for and what comes is what it is of a scanner alone. */
import type { ByteText } from '../byte-text.ts';
import type { ObjectSink } from '../objects/object.ts';
import type { ScanResult } from '../scan/scan-result.ts';
import type { Scanner, ScanOptions } from '../scan/scanner.ts';
import { chooseEngine, type EngineChoice, type WatchSetting } from './choose-engine.ts';
import { silenceWithin } from './file-systems.ts';
import { Verification } from './verification.ts';
import { Watcher } from './watcher.ts';

export interface WatchedScannerParts {
  readonly scanner: Pick<Scanner, 'scan' | 'forget'>;
  /** Real path of the workspace. */
  readonly root: string;
  /** A directory outside of the workspace that nobody else uses. It need not exist. */
  readonly cookies: string;
  readonly setting: WatchSetting;
  /** For tests: the program of the watch thread, milliseconds for an answer, a clock that is never set back. */
  readonly script?: string;
  readonly deadline?: number;
  readonly now?: () => number;
}

/** Threads that may break before a workspace is only scanned. */
const LIVES = 3;

export class WatchedScanner {
  readonly #parts: WatchedScannerParts;
  readonly #verification: Verification;
  #watcher: Watcher | undefined;
  #choice: EngineChoice = { engine: 'scan', reason: '' };
  #refusal: string | undefined;
  /** Of its directories nothing was told yet. */
  #isNew = false;
  #lost = 0;

  constructor(parts: WatchedScannerParts) {
    this.#parts = parts;
    this.#verification = new Verification(parts.now);
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
  scan(
    sink: ObjectSink,
    signal: { readonly aborted: boolean },
    { relist = false, counted }: Pick<ScanOptions, 'relist' | 'counted'> = {},
  ): ScanResult {
    const told = this.#ask();
    const dirty = told?.kind === 'dirt' && this.#verification.due() === undefined ? told : undefined;
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

  /** Everything is read again next time. */
  forget(): void {
    this.#parts.scanner.forget();
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
    this.#watcher = undefined;
  }

  #ask(): ReturnType<Watcher['dirty']> | undefined {
    const watcher = this.#watcher;
    const told = watcher?.dirty();
    if (watcher === undefined || told === undefined) return undefined;
    if (told.kind === 'dirt') {
      this.#isNew = false;
      return told;
    }
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
    const isWatched = this.#watcher !== undefined;
    const silence = process.platform === 'linux' && setting !== 'off' ? silenceWithin(root) : undefined;
    const refusal = this.#refusal;
    this.#choice = chooseEngine({ setting, files, platform: process.platform, silence, refusal, isWatched });
    if (this.#choice.engine === 'scan') this.#end();
    else this.#watcher ??= this.#start();
  }

  #start(): Watcher {
    const { root, cookies, script, deadline } = this.#parts;
    this.#isNew = true;
    return new Watcher({ root, cookies }, script, deadline);
  }

  #end(): void {
    void this.#watcher?.close();
    this.#watcher = undefined;
  }
}
