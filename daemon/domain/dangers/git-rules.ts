/** What git must not do unasked: lose work that is not committed, rewrite history, replace what others see. */
import type { Argument } from '../shell/values.ts';
import { hasOption, operands, type Invocation } from './invocation.ts';
import { pathOfAll, preciousPlace } from './place.ts';

const VALUED = ['-C', '-c', '--git-dir', '--work-tree', '--namespace', '--exec-path', '--config-env'];
const REWRITES = 'rewrites history';
const LOSES = 'throws away changes that are not committed';

type Verb = (args: readonly Argument[], call: Invocation) => string | undefined;

const VERBS: Readonly<Record<string, Verb>> = {
  push: (args) => {
    const replaced = operands(args).some(({ text }, index) => index > 0 && /^[+:]/.test(text));
    if (replaced || hasOption(args, 'f', 'force', 'force-with-lease', 'mirror', 'prune'))
      return 'replaces history that others see';
    return hasOption(args, 'd', 'delete') ? 'deletes a branch that others see' : undefined;
  },
  reset: (args) => (hasOption(args, '', 'hard', 'merge') ? LOSES : undefined),
  clean: (args) => (hasOption(args, 'n', 'dry-run') ? undefined : 'deletes files that git does not know'),
  checkout: (args, call) => {
    const creates = hasOption(args, 'bB', 'orphan');
    return hasOption(args, 'f', 'force') || (!creates && everything(args, call)) ? LOSES : undefined;
  },
  restore: (args, call) => {
    const onlyIndex = hasOption(args, 'S', 'staged') && !hasOption(args, 'W', 'worktree');
    return !onlyIndex && everything(args, call) ? LOSES : undefined;
  },
  switch: (args) => (hasOption(args, 'fC', 'force', 'discard-changes', 'force-create') ? LOSES : undefined),
  rebase: (args) => (hasOption(args, '', 'abort', 'quit', 'show-current-patch', 'edit-todo') ? undefined : REWRITES),
  commit: (args) => (args.some(({ text }) => text === '--amend') ? REWRITES : undefined),
  'filter-branch': () => REWRITES,
  'filter-repo': () => REWRITES,
  replace: () => REWRITES,
  reflog: (args) =>
    /^(?:expire|delete)$/.test(args[0]?.text ?? '') ? 'deletes the way back to lost commits' : undefined,
  gc: (args) => (hasOption(args, '', 'prune') ? 'deletes the way back to lost commits' : undefined),
  prune: (args) => (hasOption(args, 'n', 'dry-run') ? undefined : 'deletes the way back to lost commits'),
  'update-ref': () => REWRITES,
  branch: (args) => {
    const forced = hasOption(args, 'DMC') || (hasOption(args, 'f', 'force') && operands(args).length > 0);
    return forced ? 'deletes or replaces a branch, merged or not' : undefined;
  },
  stash: (args) => (/^(?:drop|clear)$/.test(args[0]?.text ?? '') ? LOSES : undefined),
  rm: (args) =>
    hasOption(args, 'rf', 'force') && !hasOption(args, 'n', 'cached', 'dry-run')
      ? 'deletes files, changed or not'
      : undefined,
  worktree: (args) => (args[0]?.text === 'remove' && hasOption(args, 'f', 'force') ? LOSES : undefined),
  submodule: (args) => (args[0]?.text === 'deinit' && hasOption(args, 'f', 'force') ? LOSES : undefined),
};

/** What `git` with these arguments endangers. */
export function gitDangers(call: Invocation): readonly string[] {
  let index = 0;
  while (call.args[index]?.text.startsWith('-') === true)
    index += VALUED.includes(call.args[index]?.text ?? '') ? 2 : 1;
  const verb = call.args[index];
  if (verb === undefined) return [];
  if (!verb.known) return ['lets git do what is only known when it runs'];
  const danger = Object.hasOwn(VERBS, verb.text) ? VERBS[verb.text]?.(call.args.slice(index + 1), call) : undefined;
  return danger === undefined ? [] : [danger];
}

/** Whether the files that are named are all there are. */
function everything(args: readonly Argument[], { where }: Invocation): boolean {
  return operands(args).some((one) => {
    if (/^:(?:\/|\(top\))?(?:\.|\*+)?$/.test(one.text) || one.text === '.' || one.text === '*') return true;
    const path = pathOfAll(one, where);
    return path !== undefined && (preciousPlace(path, where) !== undefined || (one.pattern && path === where.folder));
  });
}
