/** `mctl config set` */
import { usageError } from '../../command-line/failure.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import type { Verb } from '../verb.ts';
import { tellProblems } from './get.ts';

export const set: Verb<{ readonly json?: boolean; readonly unset?: boolean }> = async ({ context, args, options }) => {
  const [key = '', value] = args;
  if ((value === undefined) !== (options.unset === true)) {
    throw usageError('give either a value or --unset', 'For example: mctl config set model local/any-model');
  }
  const client = await context.connect();
  const result = await client.call('config/set', { key, value: value ?? null });
  const now = result.values[key];
  const sentence = value === undefined ? `${key} is unset` : `${key} = ${harmlessLine(now ?? value)}`;
  context.result({ path: result.path, key, value: now ?? null, problems: result.problems }, sentence);
  return tellProblems(context, result.problems);
};
