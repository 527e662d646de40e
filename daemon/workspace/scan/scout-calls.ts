/** What goes between a scan and the thread that looks ahead for it. */
import type { ByteText } from '../byte-text.ts';

/** A directory that the scout is to know, under a number of the scan's choice. */
export interface Place {
  readonly slot: number;
  readonly path: ByteText;
  /** Of what the scan looks at in it, besides the directory itself. */
  readonly names: readonly ByteText[];
}

export interface Round {
  /** New or changed since the round before. */
  readonly places: readonly Place[];
  /** Slots that are needed no more. */
  readonly gone: readonly number[];
  /** Int32: the slot of each directory, in the order in which the scan comes to them. */
  readonly order: SharedArrayBuffer;
  /** Int32: who has taken each of them. */
  readonly claims: SharedArrayBuffer;
  /** Int32: the number of each one's first stamp. */
  readonly firsts: SharedArrayBuffer;
  /** Float64: stamps, of a directory and then of its names; zeros where there is nothing, or nothing came. */
  readonly stamps: SharedArrayBuffer;
}

export const FREE = 0;
export const SCAN = 1;
export const SCOUT = 2;
export const DONE = 3;
