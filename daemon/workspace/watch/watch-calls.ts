/** What the workspace thread and its watch thread say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { ByteText } from '../byte-text.ts';

export interface WatchSettings {
  /** The real path of the workspace. */
  readonly root: string;
  /** A directory of the watch thread's own, outside of the workspace: files that mark a moment are made and removed here. */
  readonly cookies: string;
  /** Watches that may be set at most; when it is not given, what this process has left of half of the user's. */
  readonly budget?: number;
}

/** Given to the thread when it starts. */
export interface WatchStart extends WatchSettings {
  /** One 32-bit number: the newest question that was answered. Who asks sleeps on it. */
  readonly bell: SharedArrayBuffer;
  readonly answers: MessagePort;
}

export type WatchCall =
  /** The thread is to end. */
  | { readonly kind: 'end' }
  /** @param settled the newest answer whose directories have been looked at since; nothing older needs to be said again. */
  | { readonly kind: 'ask'; readonly question: number; readonly settled: number }
  /** Directories that were looked at; those without a watch get one. With `whole`, all others lose theirs. */
  | { readonly kind: 'watch'; readonly directories: readonly ByteText[]; readonly whole: boolean };

export interface WatchAnswer {
  readonly question: number;
  readonly dirt: Dirt | Doubt | Refusal;
}

/** Where something may have changed since the directories of the last settled answer were looked at. */
export interface Dirt {
  readonly kind: 'dirt';
  /** Whose entries have to be looked at again, names included. The root is the empty text. */
  readonly directories: readonly ByteText[];
  /** Of which everything has to be looked at again, however deep. */
  readonly subtrees: readonly ByteText[];
  /** As `Dirty` has it. */
  readonly isLoose?: true;
  /** How much was told since the watches were set: nothing was after an answer with the same number. */
  readonly told: number;
}

/** Anything may have changed anywhere; a scan of everything is the only answer. */
export interface Doubt {
  readonly kind: 'doubt';
  /** For people: what happened. */
  readonly reason: string;
}

/** As a doubt, and it stays so: this workspace cannot be watched. */
export interface Refusal {
  readonly kind: 'refusal';
  /** For people: what is missing, and what would help. */
  readonly reason: string;
}
