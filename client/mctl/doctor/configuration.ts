/** Whether the configuration file can be read and makes sense. */
import { readFileSync } from 'node:fs';
import { broken, ok, unseen, type Check, type Finding } from './finding.ts';

const FIX = '`mctl config get` shows what is in effect.';
/** A problem that has a line begins with the path and its number. */
const HAS_LINE = /^[^\n]*?:[0-9]+: /;

export const checkConfiguration: Check = async ({ daemon, locations }) => {
  const { configFile } = locations;
  if (daemon === undefined) return [await withoutDaemon(configFile)];
  if (daemon.configProblems.length === 0) return [ok('configuration', configFile)];
  return daemon.configProblems.map((problem) => broken('configuration', problem, fixFor(problem)));
};

function fixFor(problem: string): string {
  return `${HAS_LINE.test(problem) ? 'Correct that line' : 'Mend the file'}; ${FIX}`;
}

/** Only its form can be judged: what the settings mean is known to the daemon. */
async function withoutDaemon(path: string): Promise<Finding> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return ok('configuration', `no file at ${path}; the defaults are in effect`);
    return broken('configuration', `${path} cannot be read (${code ?? 'unknown'})`, 'Make it readable for you.');
  }
  const { parse, TomlError } = await import('smol-toml');
  try {
    parse(text);
    return unseen(
      'configuration',
      `${path} is valid TOML; what its settings mean was not looked at, since no daemon runs`,
    );
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return broken(
      'configuration',
      `${path}:${error.line}: ${error.message.split('\n', 1)[0] ?? ''}`,
      `Correct that line; ${FIX}`,
    );
  }
}
