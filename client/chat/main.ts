/** `m chat`, and `m` without more: a conversation on a terminal or in a pipe. */
import { Command } from 'commander';
import { EXIT, exitCodeOf, failureOf, tellFailure } from '../command-line/failure.ts';
import { addStartFlags, parseCommandLine, readStartFlags, type StartWish } from '../command-line/start-flags.ts';
import { paintFor } from '../command-line/style.ts';
import { processSurroundings, type Surroundings } from '../command-line/surroundings.ts';
import { currentModel } from '../commands/model.ts';
import { goTo } from '../commands/resume.ts';
import { startingRow } from '../commands/starting-point.ts';
import type { Client } from '../connection/api.ts';
import { Unlocker } from '../keys/unlocker.ts';
import type { KeyStatus } from '../../protocol/key.ts';
import { Chat } from './chat.ts';
import { startNotes, titleLine } from './greeting.ts';
import { chatFromPipe, pipeSurface } from './pipe.ts';
import { Screen } from './screen.ts';
import { terminalSurface } from './terminal-surface.ts';
import { TerminalChat } from './terminal.ts';

const HISTORY_LINES = 500;

const HELP = `
Without more, m opens a conversation. Other ways to use it:
  m run "prompt"     one turn, for scripts; see m run --help
  mctl               sessions, daemon, configuration; see mctl --help

Examples:
  m                  begin a new conversation here
  m -c               go on with the newest one of this directory
  m -r               choose one to go on with
  printf 'hello\\n/save first\\n' | m
`;

/**
 * Runs chat.
 * @param argv without the program and without `chat`.
 * @returns the exit code.
 */
export async function main(argv: string[], surroundings?: Surroundings): Promise<number> {
  const around = surroundings ?? processSurroundings();
  try {
    const command = addStartFlags(new Command('m').description('A conversation that no crash can lose.')).addHelpText(
      'after',
      HELP,
    );
    command.allowExcessArguments(false);
    if (!parseCommandLine(command, argv, around.stdout)) return EXIT.ok;
    return await chat(readStartFlags(command.opts(), around.environment, around.directory), around);
  } catch (error) {
    const failure = failureOf(error);
    tellFailure(around.stderr, 'm', failure);
    return exitCodeOf(failure.kind);
  }
}

async function chat(wish: StartWish, around: Surroundings): Promise<number> {
  const client = await around.connect({
    kind: 'chat',
    allowKeyfile: wish.allowKeyfile,
    environment: around.environment,
    onProgress: (sentence) => {
      around.stderr.line(sentence);
    },
  });
  try {
    const unlocker = new Unlocker(client, around);
    const key = await unlocker.open();
    const isTerminal = around.stdin.isTTY === true && around.stdout.isTerminal;
    const code =
      isTerminal && around.environment['TERM'] !== 'dumb'
        ? await onTerminal({ client, unlocker, key, wish, around })
        : await inPipe({ client, unlocker, key, wish, around }, isTerminal);
    return code;
  } finally {
    await client.close();
  }
}

interface Opened {
  readonly client: Client;
  readonly unlocker: Unlocker;
  readonly key: KeyStatus;
  readonly wish: StartWish;
  readonly around: Surroundings;
}

async function onTerminal({ client, unlocker, key, wish, around }: Opened): Promise<number> {
  const paint = paintFor(around.stdout, around.environment);
  const screen = new Screen(
    around.stdout,
    (status) => paint('yellow', status),
    (row) => paint('dim', row),
  );
  const surface = terminalSurface(screen, paint);
  const columns = (): number => screen.columns;
  const rows = (): number => screen.rows;
  const { environment } = around;
  const unlock = async (): Promise<void> => void (await unlocker.open());
  const chat = new Chat({ client, surface, paint, wish, interactive: true, columns, rows, environment, unlock });
  const history = await client.call('history/list', { limit: HISTORY_LINES });
  await begin(chat, key, wish, around.environment, true);
  if (wish.from.kind === 'list') await chat.command('sessions', '');
  const asksWhich = wish.from.kind === 'list' && (chat.context.shown.rows?.length ?? 0) > 0;
  const terminal = new TerminalChat({ chat, around, screen, surface, paint, history: history.lines, asksWhich });
  const code = await terminal.run();
  chat.talk.close();
  return code;
}

async function inPipe({ client, unlocker, key, wish, around }: Opened, asks: boolean): Promise<number> {
  const paint = paintFor(around.stdout, around.environment);
  const surface = pipeSurface(around);
  const columns = (): number => Number.POSITIVE_INFINITY;
  const rows = (): number => around.stdout.rows;
  const { environment } = around;
  // From here on what is typed are prompts.
  const unlock = async (): Promise<void> => void (await unlocker.open({ asks: false }));
  const chat = new Chat({ client, surface, paint, wish, interactive: asks, columns, rows, environment, unlock });
  if (wish.from.kind === 'list') {
    await chat.command('sessions', '');
    return EXIT.ok;
  }
  await begin(chat, key, wish, around.environment, asks);
  const code = await chatFromPipe(chat, around, unlocker, asks);
  chat.talk.close();
  return code;
}

/** Greets, and goes to where the flags say. */
async function begin(
  chat: Chat,
  key: KeyStatus,
  wish: StartWish,
  environment: NodeJS.ProcessEnv,
  interactive: boolean,
): Promise<void> {
  const { client, talk, transcript } = chat;
  const row = await startingRow(chat.context, wish.from);
  const model = row?.kind === 'save' ? row.save.model : row?.session.model;
  const session = row === undefined ? 'new session' : `session ${row.id}`;
  transcript.tell(
    titleLine(talk.wantedModel ?? model ?? (await currentModel(chat.context)), talk.workspace, session),
    'dim',
  );
  for (const { text, isProblem } of await startNotes(client, key, environment))
    transcript.tell(text, isProblem ? 'yellow' : 'dim');
  if (row === undefined) return;
  // In a pipe only what is answered from now on counts.
  transcript.showsPast = interactive;
  await goTo({ talk, print: (line) => transcript.tell(line) }, row);
  transcript.showsPast = true;
}
