/** Words for what a schema objects to: which key, what it must be, and what was probably meant. */
import type * as z from 'zod/mini';
import { closest } from './closest.ts';
import type { Finding } from './find-secrets.ts';
import { settingAt, settingNames } from './settings.ts';

type Issue = z.core.$ZodIssue;

/** One finding for each thing that is wrong, in the order of the issues. */
export function explain(issues: readonly Issue[], tree: Readonly<Record<string, unknown>>): Finding[] {
  const findings: Finding[] = [];
  const misspelt = new Set<string>();
  for (const issue of issues) {
    for (const key of issue.code === 'unrecognized_keys' ? issue.keys : []) {
      const parent = issue.path.map(String);
      const meant = closest(key, settingNames(parent));
      if (meant !== undefined) misspelt.add([...parent, meant].join('.'));
    }
  }
  for (const issue of issues) {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) findings.push(unknownKey([...path, key]));
    } else if (issue.code === 'invalid_key') {
      findings.push(badName(path));
    } else if (!misspelt.has(path.join('.')) || valueAt(tree, path) !== undefined) {
      findings.push(badValue(issue, path, tree));
    }
  }
  return findings;
}

/**
 * What is wrong with a key that is not a setting, with a guess at what was meant.
 * @param isWritten whether it stands in the file and can be removed.
 */
export function unknownKey(path: readonly string[], isWritten = true): Finding {
  const name = path.at(-1) ?? '';
  const key = path.map(printable).join('.');
  const parent = path.slice(0, -1);
  const guess = closest(name, settingNames(parent));
  const what = 'is not a setting';
  if (parent.length > 0 && settingAt([name]) !== undefined) {
    return { path, key, what, remedy: `${name} is a general setting: move it above the first [table].` };
  }
  if (parent.length === 0 && settingAt(['providers', '*', name]) !== undefined) {
    return { path, key, what, remedy: `${name} belongs under [providers.<name>].` };
  }
  if (guess !== undefined) return { path, key, what, remedy: `Did you mean ${[...parent, guess].join('.')}?` };
  const names = settingNames(parent);
  const known = names.length === 0 ? [] : [`Known here: ${names.join(', ')}.`];
  return { path, key, what, remedy: [...(isWritten ? ['Remove it.'] : []), ...known].join(' ') };
}

function badName(path: readonly string[]): Finding {
  const isProvider = path.length === 2;
  return {
    path,
    key: path.map(printable).join('.'),
    what: isProvider ? 'is not a name for a provider' : 'is not a name for a header',
    remedy: `Use up to ${isProvider ? 64 : 100} letters, digits, "_" and "-".`,
  };
}

function badValue(issue: Issue, fullPath: readonly string[], tree: Readonly<Record<string, unknown>>): Finding {
  const value = valueAt(tree, fullPath);
  // An element of a list is reported as the list.
  const path = settingAt(fullPath) === undefined ? fullPath.slice(0, -1) : fullPath;
  const key = path.join('.');
  const setting = settingAt(path);
  const must = setting?.must ?? 'has a value that cannot be used';
  if (value === undefined) {
    return { path, key, what: 'is missing', remedy: `Add it; it ${must}.` };
  }
  if (issue.code === 'custom')
    return { path, key, what: issue.message, remedy: 'Correct the value, or remove the line.' };
  const guess = typeof value === 'string' ? closest(value, setting?.choices ?? []) : undefined;
  const remedy =
    guess === undefined ? 'Correct the value, or remove the line for the default.' : `Did you mean "${guess}"?`;
  const kind = typeof value === 'string' && setting?.kind === 'text' ? 'another text' : kindOf(value);
  return { path, key, what: `${must}, and is ${kind}`, remedy };
}

/** Names the kind of a value, not the value: it may be a secret in the wrong place. */
function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'a list';
  return value instanceof Date ? 'a date' : 'a table';
}

function valueAt(tree: unknown, path: readonly string[]): unknown {
  let value: unknown = tree;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function printable(name: string): string {
  const clean = name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '');
  return clean.length > 60 ? `${clean.slice(0, 60)}…` : clean;
}
