/** What the newest part of the log says. */
import { count } from '../../command-line/wording.ts';
import { newestLines } from '../daemon/log-files.ts';
import { levelOf, logLine } from '../daemon/log-line.ts';
import { note, ok, type Check } from './finding.ts';

const LINES = 500;
const SHOWN = 3;
const ERROR = 50;

export const checkLogs: Check = ({ locations }) => {
  const lines = newestLines(locations.logDirectory, LINES);
  if (lines.length === 0) return [note('log', `nothing in ${locations.logDirectory} yet`)];
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
};
