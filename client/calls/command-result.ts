/** What a command left behind, taken apart: its output, how it ended, and what else is to be known. */
import { count } from '../command-line/wording.ts';
import type { ToolResultPart } from '../../protocol/message.ts';
import { linesOf } from './text-lines.ts';

export interface CommandResult {
  /** Not made harmless yet. */
  readonly output: readonly string[];
  /** `exit 0`, `ended by SIGKILL`. */
  readonly end: string;
  /** Sentences about what it left running. */
  readonly notes: readonly string[];
}

/** The daemon ends the output with it. */
const END = /^\[(.*?),? after [\d.]+ s\]$/;
const NO_OUTPUT = '(no output)';
/** Lines that may follow the end. */
const MOST_NOTES = 3;

/** The output is what the model was told; it may have been given less than there was. */
export function commandResult({ output, details }: Pick<ToolResultPart, 'output' | 'details'>): CommandResult {
  const lines = linesOf(output);
  const at = lines.findLastIndex((line, index) => index >= lines.length - MOST_NOTES - 1 && END.test(line));
  const [, said = ''] = END.exec(lines[at] ?? '') ?? [];
  const body = at === -1 ? lines : lines.slice(0, at);
  return {
    output: body.length === 1 && body[0] === NO_OUTPUT ? [] : body,
    end: endOf(said, details),
    notes: at === -1 ? [] : lines.slice(at + 1).map((line) => line.replace(/^\[(.*)\]$/, '$1')),
  };
}

/** `12 lines`, `1.4 MB of output`. */
export function amountOf({ output }: CommandResult, outputBytes: number | undefined): string {
  if (outputBytes !== undefined) return `${sizeText(outputBytes)} of output`;
  return output.length === 0 ? 'no output' : count(output.length, 'line');
}

/** `850 ms`, `1.2 s`, `2 min 5 s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
}

/** `1 byte`, `1.4 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return count(bytes, 'byte');
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

function endOf(said: string, details: ToolResultPart['details']): string {
  // What is said of an end that was not the command's own says more than its exit code.
  if (said !== '' && !said.startsWith('exit code ')) return said;
  if (details?.exitCode !== undefined) return `exit ${details.exitCode}`;
  return details?.signal === undefined ? said : `ended by ${details.signal}`;
}
