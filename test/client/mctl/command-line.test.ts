import { expect, test } from 'vitest';
import { readFully } from '../../../client/mctl/full-command-line.ts';
import { readPlainly } from '../../../client/mctl/plain-command-line.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

function full(argv: string[]) {
  const read = readFully(argv, fakeSurroundings(new FakeDaemon()).around);
  return read.kind === 'chosen' ? read.choice : undefined;
}

test.each([
  ['sessions list'],
  ['sessions list auth bug --workspace . --json'],
  ['sessions list --limit=5 --all'],
  ['sessions show abc --tail 3'],
  ['sessions export abc -o file --force'],
  ['sessions export -o file abc'],
  ['sessions export abc -ofile'],
  ['sessions rename abc a new title'],
  ['sessions rename abc -- --title'],
  ['sessions delete abc -y --saves keep'],
  ['approvals list'],
  ['approvals answer a b allow --scope once'],
  ['rules revoke 3 --json'],
  ['turns output a b --json'],
  ['snapshots restore a 3 --dry-run --phase pre x y'],
  ['snapshots diff a 2 now -- --odd'],
  ['snapshots status --cwd .'],
  ['daemon logs -n 5 -f'],
  ['daemon logs -fn5'],
  ['config set key value'],
  ['config set key --unset'],
  ['doctor --json'],
])('both parsers read %j alike', (line) => {
  const argv = line.split(' ');
  const plain = readPlainly(argv);
  expect(plain).toBeDefined();
  expect({ ...plain, options: { ...plain?.options } }).toEqual(full(argv));
});

test.each([
  [''],
  ['sessions'],
  ['sessions lst'],
  ['toString'],
  ['sessions constructor'],
  ['sessions list --jsn'],
  ['sessions list --help'],
  ['sessions list --limit'],
  ['sessions show'],
  ['sessions show a b'],
  ['config get a b'],
  ['help'],
  ['--help'],
])('%j is left to the full parser', (line) => {
  expect(readPlainly(line.split(' ').filter((word) => word !== ''))).toBeUndefined();
});
