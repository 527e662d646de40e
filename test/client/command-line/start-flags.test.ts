import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Output } from '../../../client/command-line/output.ts';
import { addStartFlags, parseCommandLine, readStartFlags } from '../../../client/command-line/start-flags.ts';
import { KeptStream } from '../../support/fake-surroundings.ts';

let directory: string;

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'mf')));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function read(argv: string[], environment: NodeJS.ProcessEnv = {}) {
  const command = addStartFlags(new Command('m'));
  parseCommandLine(command, argv, new Output(new KeptStream(false)));
  return readStartFlags(command.opts(), environment, directory);
}

test('without flags a new session begins in the working directory', () => {
  expect(read([])).toEqual({
    workspace: directory,
    from: { kind: 'new' },
    model: undefined,
    defaultModel: undefined,
    allowKeyfile: false,
  });
});

test('-r takes an id or none, -c none', () => {
  expect(read(['-r', 'abc']).from).toEqual({ kind: 'resume', reference: 'abc' });
  expect(read(['--resume']).from).toEqual({ kind: 'list' });
  expect(read(['-c']).from).toEqual({ kind: 'continue' });
});

test('-c and -r together are refused', () => {
  expect(() => read(['-c', '-r', 'abc'])).toThrow(/cannot be used with/);
});

test('the flag names the model for any session, M_MODEL only for new ones', () => {
  expect(read(['--model', 'a/b'], { M_MODEL: 'c/d' })).toMatchObject({ model: 'a/b', defaultModel: 'c/d' });
  expect(() => read(['--model', 'nonsense'])).toThrow('--model nonsense: a model is named provider/model');
  expect(() => read([], { M_MODEL: 'nonsense' })).toThrow('M_MODEL nonsense: a model is named provider/model');
});

test('--cwd is relative to the working directory, and symbolic links are resolved', () => {
  mkdirSync(join(directory, 'real'));
  symlinkSync('real', join(directory, 'link'));
  expect(read(['--cwd', 'link']).workspace).toBe(join(directory, 'real'));
});

test('a --cwd that cannot be one is refused by name', () => {
  writeFileSync(join(directory, 'file'), '');
  expect(() => read(['--cwd', 'missing'])).toThrow(`--cwd ${join(directory, 'missing')}: there is no such directory`);
  expect(() => read(['--cwd', 'file'])).toThrow(`--cwd ${join(directory, 'file')}: that is not a directory`);
});
