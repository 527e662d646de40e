/** Flags behind a slash command, as they are on a command line. */
import { usageError } from '../command-line/failure.ts';
import { readWords } from '../files/read-words.ts';

export interface Flags {
  /** Flags that stand for themselves. */
  readonly given: ReadonlySet<string>;
  /** Flags with a value. */
  readonly values: ReadonlyMap<string, string>;
  /** What is no flag; everything behind `--`. */
  readonly words: readonly string[];
}

/**
 * @param command its name, for messages.
 * @param known each flag, with whether a value follows it.
 * @throws ProtocolError INVALID_PARAMS for a flag that is not known, or lacks its value.
 */
export function readFlags(
  command: string,
  argument: string,
  known: Readonly<Record<string, 'alone' | 'value'>>,
): Flags {
  const given = new Set<string>();
  const values = new Map<string, string>();
  const words: string[] = [];
  const rest = readWords(argument);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      words.push(...rest);
      break;
    }
    if (!word.startsWith('--')) {
      words.push(word);
      continue;
    }
    const [name = '', ...value] = word.slice(2).split('=');
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === 'alone' && value.length === 0) given.add(name);
    else if (kind === 'value')
      values.set(name, valueOf(command, name, value.length > 0 ? value.join('=') : rest.shift()));
    else throw unknown(command, word, Object.keys(known));
  }
  return { given, values, words };
}

function valueOf(command: string, name: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value;
  throw usageError(`/${command} --${name} lacks its value`);
}

function unknown(command: string, word: string, known: readonly string[]): Error {
  const names = known.map((name) => `--${name}`).join(', ');
  return usageError(`/${command} knows no ${word}`, `It takes ${names}. A file of that name comes behind --.`);
}
