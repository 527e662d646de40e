/** `mctl config get` */
import { EXIT } from '../../command-line/failure.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';

export const get: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const client = await context.connect();
  const { path, values, set, problems } = await client.call('config/get', {});
  const [key] = args;
  if (key === undefined) {
    const own = new Set(set);
    const lines = Object.entries(values).map(
      ([name, value]) => `${name} = ${harmlessLine(value)}${own.has(name) ? '' : '  (default)'}`,
    );
    context.result({ path, values, set, problems }, [`# ${path}`, ...lines].join('\n'));
  } else {
    const value = values[key];
    if (value === undefined) {
      throw new ProtocolError('NOT_FOUND', `there is no setting ${key}`, { hint: '`mctl config get` lists them.' });
    }
    context.result({ key, value, set: set.includes(key) }, value);
  }
  return tellProblems(context, problems);
};

/** Prints what is wrong with the file. @returns the exit code. */
export function tellProblems(context: MctlContext, problems: readonly string[]): number {
  for (const problem of problems) context.stderr.line(`mctl: configuration: ${harmlessLine(problem)}`);
  return problems.length === 0 ? EXIT.ok : EXIT.failed;
}
