/** A file that appears whole under its name, readable by its owner only, or not at all. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { TextSink } from '../../command-line/output.ts';
import { ProtocolError } from '../../../protocol/errors.ts';

export interface ExportFile {
  readonly path: string;
  readonly sink: TextSink;
  /** Puts the file under its name. */
  finish(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Opens a file beside the wanted one.
 * @throws ProtocolError CONFLICT when the file exists and is not to be replaced, INVALID_PARAMS when it cannot be made.
 */
export async function exportFile(directory: string, name: string, force: boolean): Promise<ExportFile> {
  const path = resolve(directory, name);
  if (!force && existsSync(path)) {
    throw new ProtocolError('CONFLICT', `${path} exists already`, { hint: 'Choose another name, or add --force.' });
  }
  const partial = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  const file = open(partial, path);
  let text = '';
  const flush = (): void => {
    writeFileSync(file, text);
    text = '';
  };
  return {
    path,
    sink: {
      write: (more) => {
        text += more;
      },
      line: (more) => {
        text += `${more}\n`;
      },
      drained: async () => flush(),
    },
    finish: async () => {
      flush();
      fsyncSync(file);
      closeSync(file);
      renameSync(partial, path);
    },
    discard: async () => {
      closeSync(file);
      rmSync(partial, { force: true });
    },
  };
}

function open(partial: string, path: string): number {
  try {
    return openSync(partial, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProtocolError('INVALID_PARAMS', `${path} cannot be written (${code ?? 'unknown'})`, { cause: error });
  }
}
