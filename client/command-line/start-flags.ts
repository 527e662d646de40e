/** The flags that `m`, `m chat` and `m run` share, and how a command line of theirs is read. */
import { CommanderError, type Command } from 'commander';
import { Option } from 'commander';
import { usageError } from './failure.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { Output } from './output.ts';
import { resolveWorkspace } from './workspace.ts';

/** What the flags ask for. */
export interface StartWish {
  /** Realpath. */
  readonly workspace: string;
  readonly from:
    { readonly kind: 'new' | 'continue' | 'list' } | { readonly kind: 'resume'; readonly reference: string };
  /** From `--model`: for whatever session the next prompt goes to. */
  readonly model: string | undefined;
  /** From M_MODEL: for new sessions only, since a resumed one has its own. */
  readonly defaultModel: string | undefined;
  /** From `--mode` and `--agent`: for whatever session the next prompt goes to. */
  readonly mode: ApprovalMode | undefined;
  readonly agent: string | undefined;
  readonly allowKeyfile: boolean;
}

interface StartOptions {
  readonly continue?: boolean;
  readonly resume?: string | true;
  readonly model?: string;
  readonly mode?: string;
  readonly agent?: string;
  readonly cwd?: string;
  readonly allowKeyfile?: boolean;
}

const MODES: readonly ApprovalMode[] = ['ask', 'auto-edit', 'full'];
const MODEL_ID = /^[^/\s]+\/\S+$/;

/** Adds the shared flags to a command. */
export function addStartFlags(command: Command): Command {
  return command
    .addOption(
      new Option('-c, --continue', 'go on with the newest session of this workspace, or begin one').conflicts('resume'),
    )
    .addOption(
      new Option('-r, --resume [id]', 'go on with a session or save: an id, the beginning of one, or _autosave'),
    )
    .option('--model <provider/model>', 'the model for the next turns (default: M_MODEL, then the configuration)')
    .option('--mode <ask|auto-edit|full>', 'what tools may do without asking (default: the configuration)')
    .option('--agent <name>', 'a named agent for the next turns; none for none')
    .option('--cwd <dir>', 'the workspace (default: the working directory)')
    .option('--allow-keyfile', 'make a key file when the store is created and no keychain can be reached');
}

/**
 * What the parsed flags ask for.
 * @throws ProtocolError INVALID_PARAMS.
 */
export function readStartFlags(options: StartOptions, environment: NodeJS.ProcessEnv, directory: string): StartWish {
  return {
    workspace: resolveWorkspace(options.cwd, directory),
    from: startOf(options),
    model: checkModelId(options.model, '--model'),
    defaultModel: checkModelId(environment['M_MODEL'] || undefined, 'M_MODEL'),
    mode: options.mode === undefined ? undefined : checkMode(options.mode, '--mode'),
    agent: options.agent === 'none' ? '' : options.agent,
    allowKeyfile: options.allowKeyfile === true,
  };
}

/**
 * Checks the form of a model id.
 * @param source where it was given, for the message.
 * @throws ProtocolError INVALID_PARAMS.
 */
export function checkModelId(id: string | undefined, source: string): string | undefined {
  if (id === undefined || MODEL_ID.test(id)) return id;
  throw usageError(
    `${source} ${id}: a model is named provider/model`,
    'For example: demo/offline. `/models` in m lists what there is.',
  );
}

/**
 * Checks a mode.
 * @param source where it was given, for the message.
 * @throws ProtocolError INVALID_PARAMS.
 */
export function checkMode(mode: string, source: string): ApprovalMode {
  const known = MODES.find((one) => one === mode);
  if (known !== undefined) return known;
  throw usageError(`${source} ${mode}: there is no such mode`, `Use one of ${MODES.join(', ')}.`);
}

/**
 * Reads a command line.
 * @returns false when the command line only asked for help, which has been printed.
 * @throws ProtocolError INVALID_PARAMS; commander's own words stand in its message.
 */
export function parseCommandLine(command: Command, argv: readonly string[], stdout: Output): boolean {
  command.exitOverride().configureOutput({
    writeOut: (text) => {
      stdout.write(text);
    },
    writeErr: () => {},
  });
  try {
    command.parse(argv, { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return false;
    throw usageError(error.message.replace(/^error: /, ''), `\`${command.name()} --help\` shows what can be given.`);
  }
}

function startOf(options: StartOptions): StartWish['from'] {
  if (options.continue === true) return { kind: 'continue' };
  if (options.resume === true) return { kind: 'list' };
  return options.resume === undefined ? { kind: 'new' } : { kind: 'resume', reference: options.resume };
}
