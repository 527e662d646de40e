/** What the newest part of the log says, and whether there will be more of it. */
import { accessSync, constants, existsSync } from 'node:fs';
import { count } from '../../command-line/wording.ts';
import { newestLines } from '../daemon/log-files.ts';
import { levelOf, logLine } from '../daemon/log-line.ts';
import { broken, note, ok, type Check, type Finding } from './finding.ts';

const LINES = 500;
const SHOWN = 3;
const ERROR = 50;

export const checkLogs: Check = ({ locations }) => {
  const { logDirectory } = locations;
  return [...writing(logDirectory), ...reading(logDirectory)];
};

function writing(directory: string): Finding[] {
  if (!existsSync(directory)) return [];
  try {
    accessSync(directory, constants.W_OK);
    return [];
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const fix = code === 'EROFS' ? 'Mount its file system for writing.' : `Allow it: chmod 700 '${directory}'`;
    return [broken('log', `nothing can be logged in ${directory} (${code})`, fix)];
  }
}

function reading(directory: string): Finding[] {
  const lines = newestLines(directory, LINES);
  if (lines.length === 0) return [note('log', `nothing in ${directory} yet`)];
  const errors = lines.filter((line) => levelOf(line) >= ERROR);
  if (errors.length === 0) return [ok('log', `no error in the newest ${count(lines.length, 'line')}`)];
  return [
    note(
      'log',
      `${count(errors.length, 'error')} in the newest ${count(lines.length, 'line')}`,
      '`mctl daemon logs -n 500` shows them all.',
    ),
    ...errors.slice(-SHOWN).map((line) => note('log', logLine(line))),
  ];
}
