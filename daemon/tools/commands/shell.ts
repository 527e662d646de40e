/** The shell that commands are run with, and how it is made to wait before it does anything. */
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

export interface ShellCall {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * Reads one line from descriptor 3, which must be the word; at its end, or another line, it is over. The daemon's own files
 * are its user's alone; what a command makes is as in any terminal.
 */
const WAIT = 'IFS= read -r word <&3 || exit 125; [ "$word" = go ] || exit 125; umask 022; ';

/**
 * What Node hands a child is a socket, which cannot be opened by name: `> /dev/stderr` would fail. A pipe can, so `cat`
 * stands between. It is nobody's child, so that no command waits for it, and it tells its number first.
 */
const PIPED =
  'command -v cat >/dev/null || exec "$@" 3>&- 2>&1; ' +
  "exec > >(trap '' TERM HUP; exec 4<&0; cat <&4 3>&- 4<&- & echo $! >&3) 2>&1; " +
  'wait $! 2>/dev/null; exec 3>&-; exec "$@"';
const PLAIN = 'exec "$@" 3>&- 2>&1';

/**
 * @param path the variable PATH of the command.
 * @returns how a shell is started that waits, and then becomes the shell that runs the command. The command is one argument, and no option.
 */
export function waitingShell(command: string, path: string): ShellCall {
  const bash = findProgram('bash', path);
  if (bash === undefined)
    return { program: '/bin/sh', args: ['-c', WAIT + PLAIN, 'sh', '/bin/sh', '-c', '--', command] };
  const gate = WAIT + (process.platform === 'linux' ? PIPED : PLAIN);
  // Privileged: it takes no start-up file and no function from the environment before it has waited.
  return { program: bash, args: ['-p', '-c', gate, 'bash', bash, '-c', '--', command] };
}

function findProgram(name: string, path: string): string | undefined {
  return path
    .split(':')
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
