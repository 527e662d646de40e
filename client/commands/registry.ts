/** All slash commands, and how a typed text is told apart: a command, or a prompt. */
import { agent } from './agent.ts';
import { archive } from './archive.ts';
import { closest } from './closest.ts';
import type { Command, CommandContext } from './command.ts';
import { compact } from './compact.ts';
import { cost } from './cost.ts';
import { diff } from './diff.ts';
import { exit } from './exit.ts';
import { fork } from './fork.ts';
import { helpText } from './help.ts';
import { history, more } from './history.ts';
import { mode } from './mode.ts';
import { model, models } from './model.ts';
import { pin } from './pin.ts';
import { rename } from './rename.ts';
import { restore, undo } from './restore.ts';
import { rewind } from './rewind.ts';
import { reset } from './reset.ts';
import { resume } from './resume.ts';
import { goOn, leave, retry } from './revive.ts';
import { save } from './save.ts';
import { sessions } from './sessions.ts';
import { skip } from './skip.ts';
import { tools } from './tools.ts';
import { status } from './status.ts';
import { turns } from './turns.ts';

const help: Command = {
  name: 'help',
  aliases: ['?', 'h'],
  summary: 'this list',
  run({ print }) {
    print(helpText(COMMANDS));
  },
};

/** In the order of help. */
export const COMMANDS: readonly Command[] = [
  save,
  sessions,
  resume,
  reset,
  history,
  more,
  turns,
  diff,
  restore,
  undo,
  skip,
  rewind,
  fork,
  rename,
  pin,
  archive,
  model,
  models,
  mode,
  agent,
  tools,
  goOn,
  retry,
  leave,
  compact,
  cost,
  status,
  help,
  exit,
];

/** What a person typed. */
export type Typed =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'prompt'; readonly text: string }
  | { readonly kind: 'command'; readonly name: string; readonly argument: string };

/**
 * Tells commands from prompts. A command is one line that begins with a slash; `//` sends a prompt that begins with one.
 */
export function readTyped(text: string): Typed {
  if (text.trim() === '') return { kind: 'nothing' };
  if (text.startsWith('//')) return { kind: 'prompt', text: text.slice(1) };
  const line = text.trim();
  if (!text.startsWith('/') || line.includes('\n')) return { kind: 'prompt', text };
  const [, name = '', argument = ''] = /^\/(\S*)\s*(.*)$/.exec(line) ?? [];
  return { kind: 'command', name: name.toLowerCase(), argument };
}

/** @returns the command of a name or alias. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name || command.aliases?.includes(name) === true);
}

/** Names that a typed beginning can be completed to, with their slash. */
export function completionsOf(beginning: string): string[] {
  return COMMANDS.map(({ name }) => `/${name}`).filter((name) => name.startsWith(beginning));
}

/** Runs a command, or says that there is none of that name. */
export async function runCommand(context: CommandContext, name: string, argument: string): Promise<void> {
  const command = findCommand(name);
  if (command !== undefined) {
    await command.run(context, argument);
    return;
  }
  const meant = closest(
    name,
    COMMANDS.flatMap((known) => [known.name, ...(known.aliases ?? [])]),
  );
  const suggestion = meant === undefined ? '/help lists the commands' : `did you mean /${meant}?`;
  context.print(`unknown command /${name}; ${suggestion}\na prompt that begins with a slash is sent with //`);
}
