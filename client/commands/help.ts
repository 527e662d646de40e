/** The text of `/help`. */
import { padWidth } from '../command-line/display-width.ts';
import type { Command } from './command.ts';

const NOTES = [
  'a line that is only """ opens a prompt of several lines and closes it again',
  '// sends a prompt that begins with a slash',
  'Ctrl+C cancels the running turn, Ctrl+D leaves; a turn goes on without you',
];

/** One line a command, then what else can be typed. */
export function helpText(commands: readonly Command[]): string {
  const heads = commands.map(({ name, takes }) => `/${name}${takes === undefined ? '' : ` ${takes}`}`);
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  const rows = commands.map((command, index) => {
    const aliases = (command.aliases ?? []).map((alias) => `/${alias}`).join(', ');
    return `${padWidth(heads[index] ?? '', width)}${command.summary}${aliases === '' ? '' : ` (also ${aliases})`}`;
  });
  return [...rows, '', ...NOTES].join('\n');
}
