/** A command that would be run, and the questions that every rule asks about its arguments. */
import type { Argument } from '../shell/values.ts';
import type { Where } from './place.ts';

/** What a command would read. */
export type Input =
  | { readonly from: 'nothing' }
  /** Names of the commands whose output it reads. */
  | { readonly from: 'commands'; readonly names: readonly string[] }
  /** Text that is written out; undefined when not all of it is. */
  | { readonly from: 'text'; readonly text: string | undefined };

export interface Invocation {
  /** Without its folder. */
  readonly name: string;
  readonly args: readonly Argument[];
  readonly where: Where;
  readonly input: Input;
  /** Started by `xargs` or the like: more arguments follow that nobody knows. */
  readonly open: boolean;
}

/** What is dangerous about a command: the rest of a sentence that begins with `It`. */
export type Rule = (call: Invocation) => readonly string[];

export type Rules = Readonly<Record<string, Rule>>;

/** What is not an option. */
export function operands(args: readonly Argument[]): Argument[] {
  const end = args.findIndex(({ text }) => text === '--');
  const before = end === -1 ? args : args.slice(0, end);
  return [
    ...before.filter(({ text, known }) => !text.startsWith('-') || (text === '-' && known)),
    ...(end === -1 ? [] : args.slice(end + 1)),
  ];
}

/** Whether an option is given: a letter, alone or among others, or a long name, which may be cut short. */
export function hasOption(args: readonly Argument[], letters: string, ...names: readonly string[]): boolean {
  const end = args.findIndex(({ text }) => text === '--');
  return (end === -1 ? args : args.slice(0, end)).some(({ text }) => {
    if (text.startsWith('--')) {
      const given = text.slice(2).split('=')[0] ?? '';
      return given !== '' && names.some((name) => name.startsWith(given));
    }
    return text.startsWith('-') && letters.split('').some((letter) => text.includes(letter, 1));
  });
}

/** Whether the first words behind the options are these. */
export function begins(args: readonly Argument[], ...words: readonly string[]): boolean {
  const given = operands(args);
  return words.every((word, index) => given[index]?.text === word);
}

/** All arguments as one text. */
export function joined(args: readonly Argument[]): string {
  return args.map(({ text }) => text).join(' ');
}
