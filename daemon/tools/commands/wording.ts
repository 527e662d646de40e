/** What is said of a command: how it ended, and what of its output is not there. */
import type { KeptText } from './kept-text.ts';
import type { CommandEnd } from './running-command.ts';

/** A sentence a line, in brackets, so that it is told from output. */
export function endLines(end: CommandEnd): string[] {
  const lines = [`[${howItEnded(end)} after ${seconds(end.durationMs)}]`];
  if (end.leftovers > 0) {
    lines.push(`[${processes(end.leftovers)} that it had left running ${end.leftovers === 1 ? 'was' : 'were'} ended]`);
  }
  if (end.left.length > 0) {
    lines.push(`[${processes(end.left.length)} of it could not be ended and may still run: ${end.left.join(', ')}]`);
  }
  if (end.output === 'quiet') {
    lines.push('[something that it started and that left no trace may still run; it held the output open]');
  }
  if (end.output === 'stuck') lines.push('[the last of its output is lost: it could not be kept in time]');
  return lines;
}

export function isFailure({ exit, reason, left, output }: CommandEnd): boolean {
  return reason !== undefined || exit?.code !== 0 || left.length > 0 || output !== 'over';
}

/** What stands where output is left out. */
export function leftOutNote(bytes: number, kept: KeptText, all: number): string {
  const out = `${bytes} bytes left out`;
  switch (kept.state) {
    case 'nothing':
      return out;
    case 'whole':
      return `${out}; the whole output is kept, ${all} bytes, for the person to look at`;
    case 'limit':
      return `${out}; the first ${kept.bytes} of ${all} bytes are kept for the person to look at`;
    case 'failed':
      return `${out}; the output could not be kept beyond its first ${kept.bytes} bytes${because(kept.why)}`;
  }
}

function howItEnded({ exit, reason }: CommandEnd): string {
  switch (reason) {
    case 'timeout':
      return 'ended because its time was over,';
    case 'cancelled':
      return 'cancelled and ended';
    case 'asked':
      return 'ended as asked';
    case 'daemon':
      return 'ended because m stops,';
    case undefined:
      break;
  }
  if (exit === undefined) return 'not known how it ended';
  return exit.signal === null ? `exit code ${exit.code ?? 0}` : `ended by ${exit.signal}`;
}

function because(why: string): string {
  return why === '' ? '' : ` because ${why}`;
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

function processes(count: number): string {
  return count === 1 ? '1 process' : `${count} processes`;
}
