/** The command line of the daemon, which only our own programs write. */
import { isAbsolute } from 'node:path';
import { parseArgs } from 'node:util';

export interface Arguments {
  readonly dataDir: string;
  readonly configPath: string;
  readonly logDir: string;
  readonly takeOver: boolean;
  /** Descriptors that the starter was handed itself and could not keep back. */
  readonly close: readonly number[];
}

export const USAGE =
  'daemon --data-dir <directory> --config <file> --log-dir <directory> [--take-over] [--close <descriptors>]';

/**
 * @param args without program and script.
 * @throws Error with a sentence for a person.
 */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'data-dir': { type: 'string' },
      config: { type: 'string' },
      'log-dir': { type: 'string' },
      'take-over': { type: 'boolean', default: false },
      close: { type: 'string', default: '' },
    },
  });
  return {
    dataDir: absolute(values['data-dir'], '--data-dir'),
    configPath: absolute(values.config, '--config'),
    logDir: absolute(values['log-dir'], '--log-dir'),
    takeOver: values['take-over'],
    close: descriptors(values.close),
  };
}

function descriptors(list: string): number[] {
  if (!/^(\d{1,9}(,\d{1,9})*)?$/.test(list)) throw new Error('--close must be numbers with commas between them');
  // The first three are our own, whoever says what.
  return list === ''
    ? []
    : list
        .split(',')
        .map(Number)
        .filter((fd) => fd > 2);
}

function absolute(path: string | undefined, name: string): string {
  if (path === undefined || !isAbsolute(path)) throw new Error(`${name} must be an absolute path`);
  return path;
}
