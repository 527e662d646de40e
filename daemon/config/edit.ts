/** Changes one key in the text of a configuration file and leaves every other line as it is. */
import { parse } from 'smol-toml';
import { readStatements, type Statement } from './toml-statements.ts';
import type { TomlTree } from './validate.ts';

export type SettingValue = string | number | boolean | readonly string[];

/**
 * The text with one key set, or removed with null. Removing a table removes everything in it; comments stay.
 *
 * @param text A valid TOML text.
 * @returns undefined when the text is written in a way that this cannot change safely.
 */
export function editToml(text: string, path: readonly string[], value: SettingValue | null): string | undefined {
  const statements = readStatements(text);
  const edited = value === null ? remove(text, statements, path) : put(text, statements, path, value);
  return edited !== undefined && changesOnly(text, edited, path, value) ? edited : undefined;
}

function put(
  text: string,
  statements: readonly Statement[],
  path: readonly string[],
  value: SettingValue,
): string | undefined {
  const container = statements.findLast((one) => one.kind === 'entry' && startsWith(path, one.path));
  if (container !== undefined) {
    const inside = path.slice(container.path.length);
    const now = inside.length === 0 ? undefined : currentValue(text, container.path);
    if (inside.length > 0 && !isTree(now)) return undefined;
    const next = inside.length === 0 ? value : withValue(now, inside, value);
    return splice(text, container.valueStart, container.valueEnd, writeValue(next));
  }
  const header = longestHeader(statements, path);
  const line = (from: readonly string[]) => `${path.slice(from.length).map(writeKey).join('.')} = ${writeValue(value)}`;
  if (header !== undefined) {
    const last = statements.findLast((one) => one.table.join('\0') === header.path.join('\0')) ?? header;
    return insertAfter(text, last, line(header.path));
  }
  const sibling = statements.findLast(
    (one) => one.table.length === 0 && one.path.length > 1 && startsWith(one.path, path.slice(0, -1)),
  );
  if (sibling !== undefined && path.length > 1) return insertAfter(text, sibling, line([]));
  if (path.length === 1) return insertAtRoot(text, statements, line([]));
  const table = path.slice(0, -1);
  const eol = lineBreak(text);
  const before = text === '' || text === '\uFEFF' ? '' : text.endsWith('\n') ? eol : eol + eol;
  return `${text}${before}[${table.map(writeKey).join('.')}]${eol}${line(table)}${eol}`;
}

function remove(text: string, statements: readonly Statement[], path: readonly string[]): string | undefined {
  const gone = statements.filter((one) => startsWith(one.path, path));
  if (gone.length === 0) {
    const container = statements.findLast((one) => one.kind === 'entry' && startsWith(path, one.path));
    if (container === undefined) return text;
    const next = withValue(currentValue(text, container.path), path.slice(container.path.length), undefined);
    return splice(text, container.valueStart, container.valueEnd, writeValue(next));
  }
  let edited = text;
  for (const one of gone.toReversed()) {
    const after = edited.startsWith('\r\n', one.end) ? one.end + 2 : Math.min(one.end + 1, edited.length);
    edited = splice(edited, one.start, after, '');
  }
  return edited;
}

/** The header whose section a new key belongs into. */
function longestHeader(statements: readonly Statement[], path: readonly string[]): Statement | undefined {
  let best: Statement | undefined;
  for (const one of statements) {
    const fits = one.kind === 'table' && one.path.length < path.length && startsWith(path, one.path);
    if (fits && one.path.length > (best?.path.length ?? 0)) best = one;
  }
  return best;
}

/** General settings stand above the first header; when there are none yet, above the comment that belongs to it. */
function insertAtRoot(text: string, statements: readonly Statement[], line: string): string {
  const last = statements.findLast((one) => one.table.length === 0);
  if (last !== undefined) return insertAfter(text, last, line);
  const eol = lineBreak(text);
  const header = statements[0];
  if (header === undefined) {
    const separator = text === '' || text === '\uFEFF' || text.endsWith('\n') ? '' : eol;
    return `${text}${separator}${line}${eol}`;
  }
  let at = header.start;
  for (;;) {
    const previous = text.lastIndexOf('\n', at - 2) + 1;
    if (at === 0 || !/^[\t ]*#/.test(text.slice(previous, at))) break;
    at = previous;
  }
  if (at === 0 && text.startsWith('\uFEFF')) at = 1;
  return splice(text, at, at, `${line}${eol}${eol}`);
}

function insertAfter(text: string, statement: Statement, line: string): string {
  return splice(text, statement.end, statement.end, `${lineBreak(text)}${line}`);
}

function splice(text: string, start: number, end: number, replacement: string): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

function lineBreak(text: string): string {
  return /\r\n/.test(text) ? '\r\n' : '\n';
}

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((part, index) => path[index] === part);
}

function currentValue(text: string, path: readonly string[]): unknown {
  let value: unknown = parse(text);
  for (const part of path) value = (value as TomlTree)[part];
  return value;
}

/** A copy of a tree with one value changed, or left out with undefined. */
function withValue(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const copy: TomlTree = Object.assign(Object.create(null) as TomlTree, isTree(tree) ? tree : {});
  if (rest.length === 0 && value === undefined) delete copy[name];
  else if (value !== undefined || isTree(copy[name])) copy[name] = withValue(copy[name], rest, value);
  return copy;
}

/** Whether the edited text means the same as before but for one key. Empty tables mean nothing. */
function changesOnly(before: string, after: string, path: readonly string[], value: SettingValue | null): boolean {
  try {
    const expected = withValue(parse(before), path, value ?? undefined);
    return JSON.stringify(canonical(expected)) === JSON.stringify(canonical(parse(after)));
  } catch {
    return false;
  }
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isTree(value)) return value;
  return Object.keys(value)
    .toSorted()
    .map((key) => [key, canonical(value[key])])
    .filter(([, inner]) => !(Array.isArray(inner) && inner.length === 0));
}

function isTree(value: unknown): value is TomlTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function writeKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : writeText(name);
}

function writeValue(value: unknown): string {
  if (typeof value === 'string') return writeText(value);
  if (Array.isArray(value)) return `[${value.map(writeValue).join(', ')}]`;
  if (!isTree(value)) return value instanceof Date ? value.toISOString() : String(value);
  const inner = Object.keys(value).map((key) => `${writeKey(key)} = ${writeValue(value[key])}`);
  return inner.length === 0 ? '{}' : `{ ${inner.join(', ')} }`;
}

/** JSON text is TOML text, but for the one control character that JSON leaves alone. */
function writeText(value: string): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}
