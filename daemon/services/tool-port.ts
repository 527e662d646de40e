/** The tools of a turn as the loop and the services see them: a thread that touches files and runs commands. */
import type { ToolEffect, ToolDetails } from '../../protocol/tool.ts';
import type { ImagePart } from '../../protocol/message.ts';

/** What a model is told of a tool. */
export interface ToolSpec {
  readonly name: string;
  readonly effect: ToolEffect;
  /** One line for a person. */
  readonly summary: string;
  /** For the model. */
  readonly description: string;
  /** JSON Schema of the arguments, an object. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Where a call happens. */
export interface ToolPlace {
  readonly sessionId: string;
  readonly turn: number;
  readonly callId: string;
  /** Realpath of the workspace, which is also where commands run. */
  readonly workspace: string;
  /** For commands. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A call whose arguments are understood and whose targets were looked at. Nothing has been changed. */
export interface PreparedCall {
  readonly name: string;
  readonly effect: ToolEffect;
  /** One line for a person: `edit src/a.ts`. */
  readonly title: string;
  /** What would be done, for a person who decides: a diff, a command. May be empty. */
  readonly detail: string;
  /** Files that it names and may change, absolute, through no symlink. */
  readonly paths: readonly string[];
  /** Absolute paths that it names and that lie outside the workspace, through symlinks or not. */
  readonly outside: readonly string[];
  /** The command, exactly as it would be run; empty for a file tool. */
  readonly command: string;
  /** Why the command may do harm, in sentences; empty for a file tool. */
  readonly dangers: readonly string[];
  /** For `run`; binds it to what was looked at. Survives `structuredClone`. */
  readonly ticket: unknown;
}

/** A process group that a command runs in, so that whoever comes later finds it, and only it. */
export interface ProcessRecord {
  readonly callId: string;
  readonly sessionId: string;
  /** Of the leader; the group has the same number. */
  readonly pid: number;
  /** When the leader was started, as the system counts: with the boot, it tells a reused number apart. */
  readonly startTime: string;
  readonly bootId: string;
  readonly background: boolean;
}

/** What a call tells while it runs. */
export interface ToolSink {
  /** Output for whoever watches; some of it may be left out. Cheap. */
  live(text: string): void;
  /** The next stretch of the whole output, at most 64 KiB, to be kept. Resolves when there is room for more. */
  keep(text: string): Promise<void>;
  /** A process group exists and waits: it does nothing before this resolves, which means durable. */
  started(record: ProcessRecord): Promise<void>;
  /** The group of a call is gone. Also called after `run` has resolved, for what went on in the background. */
  ended(callId: string): void;
}

export interface ToolOutcome {
  /** For the model, capped. */
  readonly output: string;
  readonly isError: boolean;
  readonly images?: readonly ImagePart[];
  readonly details?: ToolDetails;
}

/** What a tool refuses: bad arguments, a file that changed. The message is for the model. */
export class ToolRefusal extends Error {
  override readonly name = 'ToolRefusal';
}

export interface ToolPort {
  specs(): readonly ToolSpec[];
  /**
   * @param args JSON text as the model wrote it.
   * @throws ToolRefusal
   */
  prepare(place: ToolPlace, name: string, args: string): Promise<PreparedCall>;
  /**
   * Takes effect. After an abort it ends what it started and says in its outcome how far it came.
   * Never rejects for what a tool does; rejects when the thread is lost.
   */
  run(place: ToolPlace, call: PreparedCall, sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome>;
  /** Commands that go on in the background. */
  background(): readonly ProcessRecord[];
  /** Ends what a session left running in the background, or everything. */
  endBackground(sessionId?: string): Promise<void>;
  /** Ends process groups that a daemon before this one left. Resolves when none is alive. */
  endSurvivors(records: readonly ProcessRecord[]): Promise<void>;
  close(): Promise<void>;
}
