/** Commands that run another command, which is what has to be judged: `env`, `timeout`, `xargs`, `sh -c` and the like. */
import type { Argument } from '../shell/values.ts';
import { hasOption, operands, type Invocation } from './invocation.ts';

/** What a command runs besides itself. */
export type Inside =
  /** A command with its arguments; `open` when more arguments follow that nobody knows. */
  | { readonly kind: 'command'; readonly words: readonly Argument[]; readonly open: boolean }
  /** Shell text. */
  | { readonly kind: 'script'; readonly parts: readonly Argument[] }
  /** Whatever it reads. */
  | { readonly kind: 'input' };

/** Options of a wrapper that are followed by a value of their own; and how many words stand before the command. */
interface Wrapper {
  readonly valued?: string;
  readonly before?: number;
  readonly open?: boolean;
}

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  builtin: {},
  caffeinate: { valued: '-t -w' },
  catchsegv: {},
  chroot: { before: 1 },
  chronic: {},
  chrt: { before: 1 },
  command: {},
  coproc: {},
  doas: { valued: '-u -C' },
  env: { valued: '-u --unset -C --chdir' },
  exec: { valued: '-a' },
  flock: { valued: '-w -E', before: 1 },
  gtimeout: { valued: '-s -k --signal --kill-after', before: 1 },
  ionice: { valued: '-c -n -p' },
  nice: { valued: '-n --adjustment' },
  nocache: {},
  noglob: {},
  nohup: {},
  pkexec: { valued: '--user' },
  proxychains: {},
  run0: {},
  setpriv: {},
  setsid: {},
  stdbuf: { valued: '-i -o -e' },
  strace: { valued: '-o -e -p -s' },
  sudo: { valued: '-u -g -C -D -h -p -R -T -U --user --group --chdir --prompt' },
  taskset: { before: 1 },
  time: { valued: '-o -f' },
  timeout: { valued: '-s -k --signal --kill-after', before: 1 },
  torsocks: {},
  unbuffer: {},
  unshare: {},
  xargs: {
    valued: '-I -i -n -P -L -d -E -s -a --replace --max-args --max-procs --max-lines --delimiter --arg-file',
    open: true,
  },
};
const LAUNCHERS = ['npx', 'bunx', 'pnpx', 'busybox', 'toybox', 'uvx', 'dotenv', 'cross-env'];
export const SHELLS: readonly string[] = [
  'sh',
  'bash',
  'dash',
  'zsh',
  'ksh',
  'mksh',
  'ash',
  'fish',
  'csh',
  'tcsh',
  'rbash',
];
/** What the programs of m are run by, when they are not run by their name. */
const RUNTIMES = ['node', 'nodejs', 'bun', 'deno'];
const OWN_SCRIPT = /(?:^|\/)(?:m|mctl)\.cjs$/;
const SHELL_VALUED = ['--rcfile', '--init-file'];

const SPECIAL: Readonly<Record<string, (call: Invocation) => Inside[]>> = {
  ...Object.fromEntries(SHELLS.map((name) => [name, shell])),
  eval: ({ args }) => [{ kind: 'script', parts: args }],
  source: ({ args }) => (args[0]?.said === true ? [{ kind: 'input' }] : []),
  '.': ({ args }) => (args[0]?.said === true ? [{ kind: 'input' }] : []),
  trap: ({ args }) => (args.length > 1 ? [{ kind: 'script', parts: args.slice(0, 1) }] : []),
  alias: ({ args }) =>
    args.map((one) => ({ kind: 'script', parts: [{ ...one, text: one.text.replace(/^[^=]*=/, '') }] })),
  ssh: ({ args }) => ssh(args),
  su: ({ args }) => commandOption(args),
  script: ({ args }) => commandOption(args),
  watch: ({ args }) => asScript(behind(args, { valued: '-n --interval' })),
  parallel: ({ args }) => parallel(args),
  find: ({ args }) => executed(args),
  gfind: ({ args }) => executed(args),
  fd: ({ args }) => executed(args),
  fdfind: ({ args }) => executed(args),
  git: ({ args }) => gitShells(args),
  npm: packaged,
  pnpm: packaged,
  yarn: packaged,
  bun: packaged,
  bundle: packaged,
  uv: ran,
  poetry: ran,
  pipenv: ran,
};

/** @returns nothing for a command that runs only itself. */
export function insidesOf(call: Invocation): Inside[] {
  const { name, args } = call;
  if (RUNTIMES.includes(name)) {
    const script = args.findIndex(({ text }) => OWN_SCRIPT.test(text));
    if (script !== -1) return [{ kind: 'command', words: args.slice(script), open: call.open }];
  }
  if (name === 'command' && hasOption(args, 'vV')) return [];
  if (name === 'env' && hasOption(args, 'S', 'split-string')) return splitByEnv(args);
  if (name === 'flock' && args.some(({ text }) => text === '-c')) return afterOption(args, ['-c']);
  const special = Object.hasOwn(SPECIAL, name) ? SPECIAL[name] : undefined;
  if (special !== undefined) return special(call);
  if (LAUNCHERS.includes(name))
    return [...commandOption(args), ...behind(args, { valued: '-p --package -e -c --call' })];
  const wrapper = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  return wrapper === undefined ? [] : behind(args, wrapper);
}

/** `env -S TEXT`, together or apart. */
function splitByEnv(args: readonly Argument[]): Inside[] {
  const index = args.findIndex(({ text }) => /^-[a-zA-Z]*S|^--s/.test(text));
  const rest = args.slice(index).map((one) => ({ ...one, text: one.text.replace(/^-[a-zA-Z]*?S|^--s[a-z-]*=?/, '') }));
  return [{ kind: 'script', parts: rest }];
}

function packaged({ args }: Invocation): Inside[] {
  return ['exec', 'x', 'dlx'].includes(operands(args)[0]?.text ?? '') ? behind(args, { before: 1 }) : [];
}

function ran({ args }: Invocation): Inside[] {
  return operands(args)[0]?.text === 'run' ? behind(args, { before: 1 }) : [];
}

/** What is given in one word is shell text; a word alone is a command, and what follows it comes from elsewhere. */
function parallel(args: readonly Argument[]): Inside[] {
  const found = behind(args, { valued: '-j -S -a --jobs --colsep', open: true });
  return [...found, ...asScript(found).filter(() => args.some(({ text }) => /\s/.test(text)))];
}

/** Words that are put together and given to a shell. */
function asScript(found: readonly Inside[]): Inside[] {
  return found.flatMap((one) => (one.kind === 'command' ? [{ kind: 'script' as const, parts: one.words }] : []));
}

function behind(args: readonly Argument[], { valued = '', before = 0, open = false }: Wrapper): Inside[] {
  const withValue = valued.split(' ');
  let index = 0;
  for (let left = before; index < args.length; index += 1) {
    const { text } = args[index] ?? { text: '' };
    if (text === '--') {
      index += 1 + left;
      break;
    }
    if (text.startsWith('-') && text !== '-') index += withValue.includes(text) ? 1 : 0;
    else if (!/^[A-Za-z_]\w*=/.test(text) && left-- <= 0) break;
  }
  const words = args.slice(index);
  return words.length === 0 ? [] : [{ kind: 'command', words, open }];
}

function shell({ args, input, open }: Invocation): Inside[] {
  for (let index = 0; index < args.length; index += 1) {
    const one = args[index];
    if (one === undefined || ['--version', '--help'].includes(one.text)) return [];
    if (!one.known) return [{ kind: 'script', parts: [one] }];
    if (/^-[a-z]*c[a-z]*$/i.test(one.text) || one.text === '--command') return shellText(args.slice(index + 1), open);
    if (SHELL_VALUED.includes(one.text) || /^[-+][a-z]*[oO]$/.test(one.text)) index += 1;
    else if (/^-[a-z]*s[a-z]*$/.test(one.text) || one.text === '-' || one.text === '/dev/stdin') return read(input);
    else if (!/^[-+]/.test(one.text)) return one.said ? [{ kind: 'input' }] : [];
  }
  return read(input);
}

/** The text of `sh -c`. */
function shellText(args: readonly Argument[], open: boolean): Inside[] {
  const text = args.find((one) => !/^[-+]/.test(one.text));
  // What `xargs` puts in becomes a part of it.
  if (open && (text === undefined || text.text.includes('{}'))) return [{ kind: 'input' }];
  return text === undefined ? [] : [{ kind: 'script', parts: [text] }];
}

function read(input: Invocation['input']): Inside[] {
  switch (input.from) {
    case 'nothing':
      return [];
    case 'commands':
      return [{ kind: 'input' }];
    case 'text':
      return [
        {
          kind: 'script',
          parts: [
            { text: input.text ?? '', known: input.text !== undefined, pattern: false, splits: false, said: false },
          ],
        },
      ];
  }
}

function ssh(args: readonly Argument[]): Inside[] {
  const [inside] = behind(args, { valued: '-p -i -l -o -F -J -L -R -D -b -c -E -e -m -O -Q -S -W -w', before: 1 });
  return inside?.kind === 'command' ? [{ kind: 'script', parts: inside.words }] : [];
}

function afterOption(args: readonly Argument[], names: readonly string[]): Inside[] {
  const index = args.findIndex(({ text }) => names.includes(text));
  const script = index === -1 ? undefined : args[index + 1];
  return script === undefined ? [] : [{ kind: 'script', parts: [script] }];
}

/** Shell text behind `-c`, which may be the last of several letters, or behind its long name. */
function commandOption(args: readonly Argument[]): Inside[] {
  return args.flatMap((one, index): Inside[] => {
    const text = /^--(?:command|call)=([^]*)$/.exec(one.text)?.[1];
    if (text !== undefined) return [{ kind: 'script', parts: [{ ...one, text }] }];
    const before = args[index - 1]?.text ?? '';
    return /^(?:-[a-zA-Z]*c|--command|--call)$/.test(before) ? [{ kind: 'script', parts: [one] }] : [];
  });
}

/** `-exec COMMAND … ;`, as often as it is given. */
function executed(args: readonly Argument[]): Inside[] {
  const found: Inside[] = [];
  for (const [index, { text }] of args.entries()) {
    if (!/^(?:-exec|-execdir|-ok|-okdir|-x|-X|--exec|--exec-batch)$/.test(text)) continue;
    const rest = args.slice(index + 1);
    const end = rest.findIndex((one) => one.text === ';' || one.text === '+');
    found.push({ kind: 'command', words: end === -1 ? rest : rest.slice(0, end), open: true });
  }
  return found;
}

/** `-c alias.x=!COMMAND`, and what `bisect run`, `rebase --exec`, `submodule foreach` run. */
function gitShells(args: readonly Argument[]): Inside[] {
  const found: Inside[] = [];
  for (const [index, one] of args.entries()) {
    const command = /^[^=]*=!([^]*)$/.exec(one.text)?.[1];
    if (command !== undefined) found.push({ kind: 'script', parts: [{ ...one, text: command }] });
    const previous = args[index - 1]?.text;
    if (previous === 'foreach' && args[index - 2]?.text === 'submodule')
      found.push({ kind: 'script', parts: args.slice(index) });
    if (previous === 'run' && args[index - 2]?.text === 'bisect')
      found.push({ kind: 'command', words: args.slice(index), open: false });
    if (previous === '--exec' || previous === '-x') found.push({ kind: 'script', parts: [one] });
  }
  return found;
}
