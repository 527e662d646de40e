/** Every rule about single commands, by the name of the command. */
import { codeDangers } from './code-rules.ts';
import { FILE_RULES } from './file-rules.ts';
import { gitDangers } from './git-rules.ts';
import type { Invocation, Rules } from './invocation.ts';
import { SYSTEM_BEGINNINGS, SYSTEM_RULES } from './system-rules.ts';

const RULES: Rules = { ...FILE_RULES, ...SYSTEM_RULES, git: gitDangers };

/** What the first word of a command stands for: without its folder and its version, and a script of m for its program. */
export function commandName(word: string): string {
  return word
    .replace(/^.*\//, '')
    .replace(/(.)@[^@]*$/, '$1')
    .replace(/^(m|mctl)\.cjs$/, '$1');
}

/**
 * What is dangerous about a command by itself, each the rest of a sentence that begins with `It`.
 * @param spoken everything that is written out in its pipeline.
 */
export function dangersOfCall(call: Invocation, spoken: string): string[] {
  const { name } = call;
  const rule = Object.hasOwn(RULES, name)
    ? RULES[name]
    : SYSTEM_BEGINNINGS.find(([beginning]) => name.startsWith(beginning))?.[1];
  return [...(rule?.(call) ?? []), ...codeDangers(call, spoken)];
}
