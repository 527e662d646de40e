/**
 * What the watch thread does: sets watches, collects what they tell, and answers where something may have changed.
 *
 * All watches of a thread share one queue in the kernel, in order. A file made in a directory of our own therefore marks a
 * moment: once it is told, everything before it was told too. The queue drops events without a word when it is full
 * (libuv passes the notice of it over), so a great many at once count as a loss.
 */
import type { ByteText } from '../byte-text.ts';
import { cannotWatch } from './cannot-watch.ts';
import { DirectoryWatches, type OpenWatch, type WatchHandle } from './directory-watches.ts';
import { Marks } from './marks.ts';
import type { WatchAnswer, WatchCall, WatchSettings } from './watch-calls.ts';

/** What the loop needs of the system. */
export interface WatchSystem {
  readonly open: OpenWatch;
  /** Makes a file of this name in the directory of cookies, and removes it. */
  cookie(name: string): void;
  /** Changes when the workspace's directory is another one, or something is mounted in it. Undefined when it is gone. */
  place(): string | undefined;
  /** Watches the user may have, and those that this process has already. */
  readonly maxWatches: number;
  readonly heldWatches: number;
  /** Events that the kernel holds before it drops some. */
  readonly maxEvents: number;
}

/** New watches that are set before the loop looks at events again. */
const SLICE = 500;
/** A share of the queue: more events than that in one go may be only the rest of what there was. */
const LOSS = 4;
/** A share of the user's watches, for all workspaces together: other programs need some too. */
const SHARE = 2;

export class WatchLoop {
  readonly #system: WatchSystem;
  readonly #answer: (answer: WatchAnswer) => void;
  readonly #marks = new Marks();
  readonly #watches: DirectoryWatches;
  readonly #mostAtOnce: number;
  #cookies: WatchHandle | undefined;
  #place: string | undefined;
  #queue: readonly ByteText[] = [];
  #at = 0;
  #whole = false;
  #question: { readonly number: number; readonly settled: number } | undefined;
  #burst = 0;
  #refusal: string | undefined;

  /** @throws what the system says when even the directory of cookies cannot be watched. */
  constructor(settings: WatchSettings, system: WatchSystem, answer: (answer: WatchAnswer) => void) {
    this.#system = system;
    this.#answer = answer;
    this.#mostAtOnce = Math.max(1, Math.floor(system.maxEvents / LOSS));
    const budget = settings.budget ?? Math.max(0, Math.floor(system.maxWatches / SHARE) - system.heldWatches);
    this.#watches = new DirectoryWatches(settings.root, this.#counted.bind(this), this.#marks, budget);
    this.#marks.everything('nothing is watched yet');
    this.#try(() => {
      this.#cookies = system.open(
        settings.cookies,
        (_, name) => {
          this.#tell(name);
        },
        (error) => {
          this.#refuse(`the watch that marks moments broke: ${error.message}`);
        },
      );
    });
  }

  take(call: WatchCall): void {
    if (call.kind === 'watch') this.#watch(call.directories, call.whole);
    else if (call.kind === 'ask') this.#ask(call.question, call.settled);
  }

  close(): void {
    this.#watches.clear();
    this.#cookies?.close();
  }

  get watches(): number {
    return this.#watches.count;
  }

  #ask(number: number, settled: number): void {
    this.#question = undefined;
    if (this.#refusal !== undefined) {
      this.#answer({ question: number, dirt: { kind: 'refusal', reason: this.#refusal } });
    } else if (this.#at < this.#queue.length) {
      this.#answer({ question: number, dirt: { kind: 'doubt', reason: 'the watches are being set' } });
    } else {
      this.#question = { number, settled };
      this.#mark(number);
    }
  }

  #mark(number: number): void {
    try {
      this.#system.cookie(String(number));
    } catch (error) {
      this.#question = undefined;
      const reason = `no file can be made to mark the moment: ${error instanceof Error ? error.message : 'unknown error'}`;
      this.#answer({ question: number, dirt: { kind: 'doubt', reason } });
    }
  }

  /** @param name of a cookie: what came before it is known now. */
  #tell(name: ByteText | null): void {
    const question = this.#question;
    if (question === undefined || name !== String(question.number)) return;
    this.#question = undefined;
    if (this.#watches.count === 0) this.#lose('the directory is not watched yet');
    else if (this.#place === undefined || this.#system.place() !== this.#place) {
      this.#lose('the directory is another one than before');
    }
    for (const path of this.#watches.blind()) this.#marks.subtree(path);
    this.#answer({ question: question.number, dirt: this.#marks.tell(question.number, question.settled) });
  }

  #watch(directories: readonly ByteText[], whole: boolean): void {
    if (this.#refusal !== undefined) return;
    if (whole) {
      this.#place ??= this.#system.place();
      this.#watches.beginRound();
      this.#whole = true;
    }
    const idle = this.#at >= this.#queue.length;
    this.#queue = whole || idle ? directories : [...this.#queue.slice(this.#at), ...directories];
    this.#at = 0;
    if (idle) this.#slice();
  }

  /** Sets some watches; the rest after the events that have come meanwhile. */
  #slice(): void {
    this.#try(() => {
      const enough = this.#watches.count + SLICE;
      for (; this.#at < this.#queue.length && this.#watches.count < enough; this.#at += 1) {
        this.#watches.ensure(this.#queue[this.#at] ?? '');
      }
    });
    if (this.#refusal !== undefined) return;
    if (this.#at < this.#queue.length) {
      setImmediate(() => {
        this.#slice();
      });
      return;
    }
    if (this.#whole) this.#watches.endRound();
    this.#whole = false;
    this.#queue = [];
    this.#at = 0;
  }

  #counted(...[path, told, failed]: Parameters<OpenWatch>): ReturnType<OpenWatch> {
    return this.#system.open(
      path,
      (kind, name) => {
        this.#count();
        told(kind, name);
      },
      failed,
    );
  }

  #count(): void {
    this.#burst += 1;
    if (this.#burst === 1) {
      setImmediate(() => {
        this.#burst = 0;
      });
    }
    if (this.#burst === this.#mostAtOnce) this.#lose('more changed at once than the system can tell');
  }

  /** What was told can no longer be relied on, nor what the watches stand for: a move may be among what was lost. */
  #lose(reason: string): void {
    this.#marks.everything(reason);
    this.#watches.clear();
    this.#place = undefined;
    this.#queue = [];
    this.#at = 0;
    this.#whole = false;
  }

  /** Does what may show that watching is not possible here. */
  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      const refusal = cannotWatch(error);
      if (refusal === undefined) throw error;
      this.#refuse(refusal.message);
    }
  }

  #refuse(reason: string): void {
    this.#refusal = reason;
    this.#lose(reason);
    this.#cookies?.close();
  }
}
