/** What must not happen to files unasked: folders that go with all that is in them, and writing where it hurts. */
import type { Argument } from '../shell/values.ts';
import { hasOption, operands, type Invocation, type Rules } from './invocation.ts';
import { dangerOfReplacing, dangerOfWriting, isInside, pathOf, pathOfAll, preciousPlace } from './place.ts';

const FOLDERS = 'deletes folders with all that is in them';

export const FILE_RULES: Rules = {
  rm: removal,
  grm: removal,
  rmdir: (call) => precious(call, 'deletes'),
  rimraf: (call) => [FOLDERS, ...precious(call, 'deletes')],
  'del-cli': (call) => [FOLDERS, ...precious(call, 'deletes')],
  unlink: (call) => [...precious(call, 'deletes'), ...openly(call, 'deletes files')],
  shred: (call) => ['destroys files for good', ...precious(call, 'destroys')],
  srm: (call) => ['destroys files for good', ...precious(call, 'destroys')],
  wipe: () => ['destroys files for good'],
  find,
  gfind: find,
  mv: (call) => [...precious({ ...call, args: operands(call.args).slice(0, -1) }, 'moves'), ...writing(lastOf(call))],
  cp: (call) => writing(lastOf(call)),
  install: (call) => writing(lastOf(call)),
  ln: (call) => writing(lastOf(call)),
  rsync: (call) => [
    ...(call.args.some(({ text }) => /^--(?:del$|delete)/.test(text)) ? ['deletes what the source does not have'] : []),
    ...writing(lastOf(call)),
  ],
  scp: (call) => writing(lastOf(call)),
  touch: (call) => writing(operandsOf(call)),
  mkdir: (call) => writing(operandsOf(call)),
  tee: (call) => (hasOption(call.args, 'a', 'append') ? writing(operandsOf(call)) : replacing(operandsOf(call))),
  sponge: (call) => replacing(operandsOf(call)),
  truncate: (call) => replacing(withoutValues(call, ['-s', '--size', '-r'])),
  dd: (call) => replacing(valuesBehind(call, 'of=')),
  sed: (call) => (hasOption(call.args, 'i', 'in-place') ? replacing(editedBySed(call)) : []),
  tar: (call) => writing(afterOption(call, ['-C', '--directory'])),
  unzip: (call) => writing(afterOption(call, ['-d'])),
  curl: (call) => replacing(downloaded(call, /^-[a-zA-Z#0-9]*o$/, /^-[#0-4BfgGiIjJklLnNqRsSvZ]*o(.+)$/s, '--output')),
  wget: (call) => [
    ...replacing(downloaded(call, /^-[a-zA-Z0-9]*O$/, /^-[46bcdEFHkKLmNnpqrSvx]*O(.+)$/s, '--output-document')),
    ...writing(afterOption(call, ['-P', '--directory-prefix'])),
  ],
  chmod: (call) => ownership(call, 'changes the permissions'),
  chown: (call) => ownership(call, 'changes the owner'),
  chgrp: (call) => ownership(call, 'changes the group'),
  chattr: (call) => ownership(call, 'changes the attributes'),
};

function removal(call: Invocation): readonly string[] {
  const found: string[] = [];
  if (hasOption(call.args, 'rR', 'recursive')) found.push(FOLDERS);
  if (call.args.some(({ splits }) => splits)) found.push('deletes what is only known when it runs');
  const whole = operands(call.args).some((one) => one.pattern && /(?:^|\/)(?:\*+|\.\*)$/.test(one.text));
  if (whole) found.push('deletes every file of a folder');
  return [...found, ...openly(call, 'deletes files that another command names'), ...precious(call, 'deletes')];
}

function find(call: Invocation): readonly string[] {
  const found: string[] = [];
  if (call.args.some(({ text }) => text === '-delete')) found.push('deletes every file that is found');
  const written = call.args.flatMap(({ text }, index) =>
    /^-f(?:ls|print0?|printf)$/.test(text) ? [call.args[index + 1]] : [],
  );
  return [...found, ...replacing({ ...call, args: written.filter((one) => one !== undefined) })];
}

function openly({ open }: Invocation, what: string): readonly string[] {
  return open ? [what] : [];
}

function precious({ args, where }: Invocation, verb: string): readonly string[] {
  return operands(args).flatMap((one) => {
    const path = pathOfAll(one, where);
    const place = path === undefined ? undefined : preciousPlace(path, where);
    if (place !== undefined) return [`${verb} ${place}`];
    const danger = path === undefined ? undefined : dangerOfWriting(path);
    return danger === undefined ? [] : [danger];
  });
}

function ownership(call: Invocation, what: string): readonly string[] {
  const recursive = hasOption(call.args, 'R', 'recursive');
  return operandsOf(call).args.flatMap((one) => {
    const path = pathOfAll(one, call.where);
    if (path === undefined) return recursive && !one.known ? [`${what} of what is only known when it runs`] : [];
    const danger = dangerOfWriting(path);
    if (danger !== undefined) return [danger];
    return recursive && !isInside(path, call.where) ? [`${what} of everything in a folder outside the workspace`] : [];
  });
}

function writing({ args, where }: Invocation): readonly string[] {
  return args.flatMap((one) => {
    const path = pathOf(one, where);
    const danger = path === undefined ? undefined : dangerOfWriting(path);
    return danger === undefined ? [] : [danger];
  });
}

function replacing({ args, where }: Invocation): readonly string[] {
  return args.flatMap((one) => dangerOfReplacing(one, where) ?? []);
}

function operandsOf(call: Invocation): Invocation {
  return { ...call, args: operands(call.args) };
}

/** Where `cp` and its like write: the last operand, or the folder that an option names. */
function lastOf(call: Invocation): Invocation {
  const named = afterOption(call, ['-t', '--target-directory']);
  return named.args.length > 0 ? named : { ...call, args: operands(call.args).slice(-1) };
}

function withoutValues(call: Invocation, options: readonly string[]): Invocation {
  const args = call.args.filter((_one, index) => !options.includes(call.args[index - 1]?.text ?? ''));
  return operandsOf({ ...call, args });
}

function afterOption(call: Invocation, options: readonly string[]): Invocation {
  const args: Argument[] = [];
  for (const [index, one] of call.args.entries()) {
    if (options.includes(call.args[index - 1]?.text ?? '') && one.text !== '-') args.push(one);
    const [name = '', value] = one.text.split(/=([^]*)/);
    if (value !== undefined && options.includes(name)) args.push({ ...one, text: value });
  }
  return { ...call, args };
}

/** The file that a download goes to: behind its letter, which may be the last of several, behind that in the same word, or behind the long name. */
function downloaded(call: Invocation, letter: RegExp, together: RegExp, name: string): Invocation {
  const { args } = afterOption(call, [name]);
  const files = call.args.flatMap((one, index) => {
    const text = together.exec(one.text)?.[1];
    if (text !== undefined) return [{ ...one, text }];
    return letter.test(call.args[index - 1]?.text ?? '') ? [one] : [];
  });
  return { ...call, args: [...args, ...files].filter(({ text }) => text !== '-') };
}

function valuesBehind(call: Invocation, start: string): Invocation {
  const args = call.args
    .filter(({ text }) => text.startsWith(start))
    .map((one) => ({ ...one, text: one.text.slice(start.length) }));
  return { ...call, args };
}

/** The files of `sed -i`: what is behind the expression, unless options brought the expression. */
function editedBySed(call: Invocation): Invocation {
  const files = withoutValues(call, ['-e', '-f', '--expression', '--file']);
  const given = call.args.some(({ text }) => /^(?:-e|-f|--expression|--file)/.test(text));
  return { ...files, args: given ? files.args : files.args.slice(1) };
}
