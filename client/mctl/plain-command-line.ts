/**
 * Reads command lines that are as they should be, from the same declarations as the full parser.
 *
 * The full parser costs more than everything else that a warm `mctl sessions list` does, and is only needed for help and
 * for saying what is wrong.
 */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { LONE_VERBS, NOUNS } from './nouns.ts';
import { flagsOf, type Choice, type VerbDeclaration } from './verb.ts';

/** @returns undefined when there is anything about the command line that the full parser should look at. */
export function readPlainly(argv: readonly string[]): Choice | undefined {
  const [first = '', second = ''] = argv;
  const lone = own(LONE_VERBS, first);
  if (lone !== undefined) return read(lone, argv.slice(1));
  const noun = own(NOUNS, first);
  const declaration = noun === undefined ? undefined : own(noun.verbs, second);
  return declaration === undefined ? undefined : read(declaration, argv.slice(2));
}

function read(declaration: VerbDeclaration, words: string[]): Choice | undefined {
  try {
    const { values, positionals } = parseArgs({ args: words, options: optionsOf(declaration), allowPositionals: true });
    if (!accepts(declaration.takes ?? '', positionals.length)) return undefined;
    return { declaration, args: positionals, options: inCamelCase(values as Choice['options']) };
  } catch {
    // What is wrong is said by the full parser, with a suggestion.
    return undefined;
  }
}

/** `-o, --output <file>` becomes `{output: {type: 'string', short: 'o'}}`. */
function optionsOf(declaration: VerbDeclaration): ParseArgsOptionsConfig {
  const options: ParseArgsOptionsConfig = {};
  for (const [flags] of flagsOf(declaration)) {
    const [, short, name = '', value] = /^(?:-(\w), )?--([a-z-]+)( <[a-z]+>)?$/.exec(flags) ?? [];
    options[name] = { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) };
  }
  return options;
}

function inCamelCase(options: Choice['options']): Choice['options'] {
  const camel = (name: string): string => name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]));
}

function accepts(takes: string, given: number): boolean {
  const words = takes.split(' ').filter((word) => word !== '');
  const needed = words.filter((word) => word.startsWith('<')).length;
  const most = takes.includes('...') ? Number.POSITIVE_INFINITY : words.length;
  return given >= needed && given <= most;
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
