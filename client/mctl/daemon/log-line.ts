/** One line of the log as a person reads it. */
import { harmlessLine } from '../../command-line/harmless-text.ts';

const LEVELS: Record<number, string> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
/** What stands at the front or says nothing. */
const PLACED = new Set(['time', 'level', 'msg', 'pid', 'hostname', 'v']);

/** `2025-07-04T12:30:05.123Z info  turn ended turn=3 …`; a line that is not JSON is shown as it is. */
export function logLine(line: string): string {
  const entry = parse(line);
  if (entry === undefined) return harmlessLine(line);
  const time = typeof entry['time'] === 'number' ? new Date(entry['time']).toISOString() : '';
  const level = LEVELS[Number(entry['level'])] ?? '';
  const facts = Object.entries(entry)
    .filter(([name]) => !PLACED.has(name))
    .map(([name, value]) => `${name}=${word(value)}`);
  return harmlessLine([time, level.padEnd(5), word(entry['msg'] ?? ''), ...facts].join(' '));
}

/** Level of a line: 50 and above are errors. 0 when it has none. */
export function levelOf(line: string): number {
  return Number(parse(line)?.['level'] ?? 0);
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
