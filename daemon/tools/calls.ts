/** The messages between the main thread and the tools thread. */
import type { PreparedCall, ProcessRecord, ToolPlace } from '../services/tool-port.ts';
import type { TurnStop } from '../services/turn-stop.ts';

/** What the thread is started with. */
export interface ToolSettings {
  /** Directories that no tool opens anything in: the store's. Absolute. */
  readonly sealed: readonly string[];
  /** Directories that no tool writes to: the configuration's. Absolute. */
  readonly guarded: readonly string[];
}

/** To the thread. Whatever has an id of its own is answered by exactly one `answer`, `refused` or `failed`. */
export type Request =
  | {
      readonly kind: 'prepare';
      readonly id: number;
      readonly place: ToolPlace;
      readonly name: string;
      readonly args: string;
    }
  | { readonly kind: 'run'; readonly id: number; readonly place: ToolPlace; readonly call: PreparedCall }
  | { readonly kind: 'end-background'; readonly id: number; readonly sessionId: string | undefined }
  | { readonly kind: 'end-survivors'; readonly id: number; readonly records: readonly ProcessRecord[] }
  | { readonly kind: 'ping'; readonly id: number }
  /** The run with this id is to end. `stopped` and `paused`: because the daemon does. */
  | { readonly kind: 'abort'; readonly run: number; readonly why: TurnStop['why'] }
  /** What a run waits for has happened, or cannot. */
  | { readonly kind: 'done'; readonly ack: number; readonly error: string | undefined };

/** From the thread. */
export type Notice =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly message: string }
  | { readonly kind: 'failed'; readonly id: number; readonly stack: string }
  | { readonly kind: 'live'; readonly run: number; readonly text: string }
  /** Answered by `done`. */
  | { readonly kind: 'keep'; readonly run: number; readonly ack: number; readonly text: string }
  /** Answered by `done`. */
  | { readonly kind: 'started'; readonly run: number; readonly ack: number; readonly record: ProcessRecord }
  | { readonly kind: 'ended'; readonly run: number; readonly callId: string }
  /** A tool broke; its caller has been told that it failed. For the log. */
  | { readonly kind: 'unexpected'; readonly name: string; readonly stack: string };
