/** What a command is given as its environment: the client's, and nothing of the daemon's. */
import type { ToolPlace } from '../../services/tool-port.ts';
import { MARK } from './end-processes.ts';

/** There is no terminal and nobody types: whatever would show pages or ask must not. */
const FIXED: Readonly<Record<string, string>> = {
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
  TERM: 'dumb',
};
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';
/** Settings of the shell that it would take over before it does what it is told. */
const LEFT_OUT = /^(?:M_.*|SHELLOPTS|BASHOPTS|OLDPWD)$/;

export function environmentOf({ environment, workspace, callId }: ToolPlace): Record<string, string> {
  const given = Object.entries(environment).filter(([name]) => !LEFT_OUT.test(name));
  return { PATH: DEFAULT_PATH, ...Object.fromEntries(given), ...FIXED, PWD: workspace, [MARK]: callId };
}
