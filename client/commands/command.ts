/** What a slash command is, and the little it may use: never the line editor, the screen or the process. */
import type { InkLine } from '../calls/ink-line.ts';
import type { Client } from '../connection/api.ts';
import type { Talk } from '../conversation/talk.ts';
import type { Dialogue } from '../files/dialogue.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import type { ShownList } from './shown-list.ts';

export interface CommandContext {
  readonly client: Client;
  readonly talk: Talk;
  /** The list that numbers refer to. */
  readonly shown: ShownList;
  /** Columns that a line may take; infinite where nobody looks at columns. */
  readonly columns: number;
  /** Shows one or more lines. Whatever is in them is made harmless. */
  readonly print: (text: string) => void;
  /** Shows lines in their colours. They are harmless already. */
  readonly lines: (lines: readonly InkLine[]) => void;
  /** Asks the person; undefined where nobody can be asked. */
  readonly dialogue?: Dialogue | undefined;
  /** Puts a text into the line that is typed, unless something stands there; undefined without such a line. */
  readonly draft?: ((text: string) => boolean) | undefined;
  /** Told that a command came out otherwise than it was meant, and which exit code says so. */
  readonly fell?: (exitCode: number) => void;
  /** Ends the frontend. What runs goes on. */
  readonly leave: () => void;
  /** Told of a turn that a command has go on; undefined where nobody waits for turns. */
  readonly revived?: (end: Promise<TurnChange>) => void;
}

export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What follows the name in help, such as `[name]`. */
  readonly takes?: string;
  /** One line for help. */
  readonly summary: string;
  /**
   * Does it. An expected failure is thrown as a ProtocolError and shown by the frontend.
   * @param argument what follows the name, without blanks around it; empty when there is nothing.
   */
  run(context: CommandContext, argument: string): Promise<void> | void;
}
