/** `mctl snapshots restore` and `mctl snapshots undo` */
import { inked } from '../../calls/ink-line.ts';
import { EXIT, usageError } from '../../command-line/failure.ts';
import { paintFor } from '../../command-line/style.ts';
import type { Client } from '../../connection/api.ts';
import { restorePoint } from '../../files/restore-point.ts';
import { restoreFiles, type RestoreWish } from '../../files/restoring.ts';
import { workspacePaths } from '../../files/typed-path.ts';
import type { MctlContext } from '../context.ts';
import { wholeNumber } from '../number-option.ts';
import { findSession } from '../sessions/find.ts';
import type { Verb } from '../verb.ts';
import { LineDialogue } from './line-dialogue.ts';
import { readPhase } from './phase.ts';

interface UndoOptions {
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

interface RestoreOptions extends UndoOptions {
  readonly phase?: string;
  readonly all?: boolean;
}

export const restore: Verb<RestoreOptions> = async ({ context, args, options }) => {
  const [reference = '', point, ...typed] = args;
  const turnOf = (number: string | undefined): number => wholeNumber('the turn', number) ?? 0;
  const { target, what } = restorePoint(point, turnOf, readPhase(options.phase));
  requireSomebody(context, options);
  const client = await context.connectUnlocked();
  const { id: sessionId, workspace } = await findSession(client, context, reference);
  const paths = workspacePaths(typed, workspace, context.around.directory);
  return act(context, client, options, {
    params: {
      sessionId,
      target,
      ...(paths === undefined ? {} : { paths }),
      ...(options.all === true ? { all: true } : {}),
    },
    what,
    done: `${what} are back; mctl snapshots undo ${sessionId} takes it back`,
    isDry: options.dryRun === true,
  });
};

export const undo: Verb<UndoOptions> = async ({ context, args, options }) => {
  requireSomebody(context, options);
  const client = await context.connectUnlocked();
  const { id: sessionId } = await findSession(client, context, args[0] ?? '');
  return act(context, client, options, {
    params: { sessionId, target: { kind: 'undo' } },
    what: 'the files from before the last restore',
    done: 'the last restore is taken back; once more does it again',
    isDry: options.dryRun === true,
  });
};

/** @throws ProtocolError INVALID_PARAMS when nobody can be asked and nobody has to be. */
function requireSomebody(context: MctlContext, { yes, dryRun }: UndoOptions): void {
  if (yes === true || dryRun === true || (context.canAsk && !context.isJson)) return;
  throw usageError(
    'files would be changed, and nobody is there to confirm it',
    'Add --yes to do it without being asked, or --dry-run to see what would be done.',
  );
}

async function act(context: MctlContext, client: Client, options: UndoOptions, wish: RestoreWish): Promise<number> {
  const paint = paintFor(context.stdout, context.around.environment);
  const lines: Parameters<typeof restoreFiles>[0]['lines'] = (shown) => {
    if (!context.isJson && shown.length > 0) context.stdout.line(inked(shown, paint));
  };
  const isAsked = options.yes !== true && !wish.isDry;
  const dialogue = isAsked ? new LineDialogue(context, lines) : undefined;
  const { state, plan, result, exitCode } = await restoreFiles({ client, dialogue, lines }, wish);
  if (context.isJson) context.json({ plan, result });
  return state === 'declined' ? EXIT.cancelled : exitCode;
}
