import { chmodSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deniedOf } from '../../../../daemon/workspace/scan/closed-paths.ts';
import { ScanBench } from './support/scan-bench.ts';

let bench: ScanBench;
beforeEach(() => {
  bench = new ScanBench(tmpdir());
  chmodSync(bench.root, 0o755);
});
afterEach(() => bench.dispose());

function directory(path: string, mode: number): void {
  mkdirSync(bench.at(path));
  chmodSync(bench.at(path), mode);
}

function file(path: string, mode: number): void {
  bench.file(path, 'x');
  chmodSync(bench.at(path), mode);
}

function closed(): Record<string, string> {
  const paths = bench.scan().closed.map(([path, denied]) => [path, denied.toString(8)] as const);
  return Object.fromEntries(paths);
}

test('what is less open than the workspace is told, a closed directory as a whole', () => {
  directory('open', 0o755);
  directory('team', 0o750);
  directory('mine', 0o700);
  file('key', 0o600);
  file('plain', 0o644);
  file('open/key', 0o640);
  file('team/plain', 0o644);
  file('team/key', 0o600);
  file('mine/plain', 0o644);
  file('mine/key', 0o600);
  const expected = { key: '77', 'open/key': '7', team: '7', 'team/key': '70', mine: '77' };
  expect(closed()).toEqual(expected);
  expect(closed()).toEqual(expected);
  chmodSync(bench.at('key'), 0o644);
  chmodSync(bench.at('mine'), 0o755);
  expect(closed()).toEqual({ 'open/key': '7', team: '7', 'team/key': '70', 'mine/key': '77' });
  const denied = deniedOf(bench.scan().closed);
  expect(['plain', 'team/plain', 'team/key', 'team/new/file', 'teams'].map(denied)).toEqual([0, 0o7, 0o77, 0o7, 0]);
});

test('in a closed workspace nothing has to be told', () => {
  file('key', 0o600);
  chmodSync(bench.root, 0o700);
  expect(closed()).toEqual({});
});

test('where too much is closed, everything is', () => {
  file('team', 0o640);
  for (let count = 0; count < 1_000; count += 1) file(`d/${count}`, 0o604);
  chmodSync(bench.at('d'), 0o755);
  expect(closed()).toEqual({ '': '77' });
  expect(deniedOf(bench.scan().closed)('any/where')).toBe(0o77);
});
