/**
 * What the process that watches does: collects what a library tells of a whole tree, and answers where something may have
 * changed.
 *
 * The library tells after a pause in which it joins what belongs together, and leaves out what came and went meanwhile; on
 * macOS it leaves out too what happens to a file whose time of change it has told already. So names are not gone by, which
 * the scan does not either, and a place that was told of once is told with every answer, until the process is spent.
 */
import { toByteText, type ByteText } from '../../byte-text.ts';
import type { Dirt, Doubt, Refusal } from '../watch-calls.ts';
import type { Ask, HelperAnswer } from './stream-calls.ts';

export interface StreamEvent {
  readonly path: string;
  readonly type: 'create' | 'update' | 'delete';
}

/** What the loop needs of the system. */
export interface StreamSystem {
  /** The workspace, by the names under which changes in it are told. */
  readonly roots: readonly string[];
  /**
   * Tells of changes in the directory, however deep, from when the promise is fulfilled.
   * @param failed told why something may have been left out.
   * @throws what the library says.
   */
  watch(
    what: 'root' | 'cookies',
    told: (events: readonly StreamEvent[]) => void,
    failed: (reason: string) => void,
  ): Promise<void>;
  /** Makes a file of this name in the directory of cookies. */
  makeCookie(name: string): void;
  removeCookie(name: string): void;
  /** Changes when the workspace's directory is another one. Undefined when it is gone. */
  place(): string | undefined;
  /** Whether something is a directory, or may be. */
  isDirectory(path: string): boolean;
  /** Calls back once everything is told that the library tells at the same time. */
  soon(then: () => void): void;
}

/**
 * Cookies for one answer. Streams are told in no order between them: when the first one is told, what was written before it
 * is on its way at least, and the second one takes the whole way once more.
 */
const COOKIES = 2;
/** Questions in a row without a cookie being told. */
const PATIENCE = 5;
/** Places, above which a scan of everything costs no more than to look at all of them each time. */
const MOST = 2_000;
/** A byte that is no character came out as this: the name cannot be told. */
const LOST_BYTE = '\ufffd';

type State =
  | { readonly kind: 'watching' }
  | { readonly kind: 'spent'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

interface Question {
  readonly number: number;
  readonly left: number;
  readonly cookie: string;
}

export class StreamLoop {
  readonly #system: StreamSystem;
  readonly #answer: (answer: HelperAnswer) => void;
  readonly #directories = new Set<ByteText>();
  readonly #subtrees = new Set<ByteText>();
  readonly #place: string | undefined;
  #state: State = { kind: 'watching' };
  /** The first answer once it watched: what had happened before was told to nobody. */
  #beganWith: number | undefined;
  #question: Question | undefined;
  #unanswered = 0;
  #told = 0;

  constructor(system: StreamSystem, answer: (answer: HelperAnswer) => void) {
    this.#system = system;
    this.#answer = answer;
    this.#place = system.place();
  }

  /** Begins to watch; nothing is asked before that is done. Never rejects. */
  async start(): Promise<void> {
    const failed = (reason: string): void => {
      this.#end({ kind: 'spent', reason: `something may not have been told: ${reason}` });
    };
    try {
      const cookies = this.#system.watch('cookies', (events) => this.#meet(events), failed);
      await Promise.all([cookies, this.#system.watch('root', (events) => this.#take(events), failed)]);
    } catch (error) {
      const reason = `it cannot be watched: ${error instanceof Error ? error.message : 'unknown error'}`;
      this.#end({ kind: this.#system.place() === undefined ? 'spent' : 'refused', reason });
    }
  }

  take({ question, settled }: Ask): void {
    const state = this.#state;
    this.#forget();
    if (state.kind === 'refused') this.#say(question, { kind: 'refusal', reason: state.reason });
    else if (state.kind === 'spent') this.#say(question, { kind: 'doubt', reason: state.reason });
    else if (this.#beganWith === undefined || settled < this.#beganWith) {
      this.#beganWith ??= question;
      this.#say(question, { kind: 'doubt', reason: 'the watches are new' });
    } else if (this.#unanswered >= PATIENCE) {
      this.#state = {
        kind: 'refused',
        reason: 'the system does not tell of a file that m makes, nor perhaps of others',
      };
      this.take({ kind: 'ask', question, settled });
    } else {
      this.#unanswered += 1;
      this.#mark(question, COOKIES);
    }
  }

  #mark(number: number, left: number): void {
    const cookie = `${process.pid}-${number}-${left}`;
    this.#question = { number, left, cookie };
    try {
      this.#system.makeCookie(cookie);
    } catch (error) {
      this.#question = undefined;
      const reason = `no file can be made to mark the moment: ${error instanceof Error ? error.message : 'unknown error'}`;
      this.#say(number, { kind: 'doubt', reason });
    }
  }

  /** @param events in the directory of cookies. */
  #meet(events: readonly StreamEvent[]): void {
    const question = this.#question;
    if (question === undefined || !events.some(({ path }) => path.endsWith(`/${question.cookie}`))) return;
    if (question.left > 1) {
      this.#forget();
      this.#mark(question.number, question.left - 1);
    } else {
      this.#system.soon(() => {
        if (this.#question === question) this.#settle(question);
      });
    }
  }

  #settle({ number }: Question): void {
    this.#unanswered = 0;
    if (this.#place === undefined || this.#system.place() !== this.#place) {
      this.#end({ kind: 'spent', reason: 'the directory is another one than before' });
    } else {
      this.#forget();
      this.#say(number, this.#dirt());
    }
  }

  /** @param events in the workspace. */
  #take(events: readonly StreamEvent[]): void {
    for (const event of events) {
      if (this.#state.kind === 'spent' || this.#state.kind === 'refused') return;
      this.#note(event);
    }
    if (this.#directories.size + this.#subtrees.size > MOST) {
      this.#end({ kind: 'spent', reason: 'so much has changed that looking at everything takes no longer' });
    }
  }

  #note({ path, type }: StreamEvent): void {
    this.#told += 1;
    const root = this.#system.roots.find((name) => path === name || path.startsWith(`${name}/`));
    if (root === undefined) {
      this.#end({ kind: 'refused', reason: 'the system tells of it under another path' });
      return;
    }
    const within = path.slice(root.length + 1);
    if (within === '') {
      if (type === 'update') this.#directories.add('');
      else this.#end({ kind: 'spent', reason: 'the directory was moved or made anew' });
      return;
    }
    const lost = within.indexOf(LOST_BYTE);
    const known = lost < 0 ? within : within.slice(0, lost);
    const above = toByteText(known.slice(0, Math.max(0, known.lastIndexOf('/'))));
    if (lost >= 0) this.#subtrees.add(above);
    else {
      this.#directories.add(above);
      // What came with it, or is in another one under the same name, need not be told.
      if (this.#system.isDirectory(path)) this.#subtrees.add(toByteText(within));
    }
  }

  #dirt(): Dirt {
    const { directories, subtrees } = { directories: [...this.#directories], subtrees: [...this.#subtrees] };
    return { kind: 'dirt', directories, subtrees, isLoose: true, told: this.#told };
  }

  /** Whoever waits for an answer gets it now. */
  #end(state: Extract<State, { reason: string }>): void {
    if (this.#state.kind === 'refused') return;
    this.#state = state;
    const question = this.#question;
    if (question !== undefined) this.take({ kind: 'ask', question: question.number, settled: 0 });
  }

  #forget(): void {
    if (this.#question !== undefined) this.#system.removeCookie(this.#question.cookie);
    this.#question = undefined;
  }

  #say(question: number, dirt: Dirt | Doubt | Refusal): void {
    this.#answer({ kind: 'answer', question, dirt, isSpent: this.#state.kind === 'spent' });
  }
}
