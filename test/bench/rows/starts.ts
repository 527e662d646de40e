/** How long a person waits for a program: with a daemon that runs, with none, and for the daemon itself. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bigStore } from '../support/big-store.ts';
import { ratioFigure, type Figure, type Row } from '../support/figures.ts';
import { LightClient } from '../support/light-client.ts';
import { CHILD, ROOT, makeDirectory } from '../support/places.ts';
import { Product, environmentOf, spawnDaemon } from '../support/product.ts';
import { firstList, killDaemon, runMctl, runNothing, socketOf } from '../support/programs.ts';
import { interleave, timeOnce } from '../support/rounds.ts';
import { makeSmallStore } from './step-in-vault.ts';
import type { FirstListTimes } from '../roles/first-list.ts';

const ROUNDS = 21;
const KEYRING_TOOLS = ['dbus-run-session', 'gnome-keyring-daemon', 'secret-tool'];
const MS = { unit: 'ms', digits: 1 };

export const warmRow: Row = {
  name: 'mctl',
  title: 'Warm `mctl sessions list`',
  method:
    'The whole process from spawn to exit, with a daemon that runs, 50 rows of 10,000 sessions, output to a pipe; against `node -e 0`. Every program here starts with a warm code cache.',
  run: async () => {
    const { dataDirectory } = await bigStore();
    const product = await Product.start(dataDirectory);
    const environment = environmentOf(dataDirectory);
    try {
      const times = await interleave(
        {
          node: runNothing,
          list: () => runMctl(environment),
          version: () => runMctl(environment, ['--version']),
        },
        { rounds: 31, calls: 1, warmUp: 3 },
      );
      return [
        ratioFigure('sessions list', times.list, times.node, { ...MS, limit: 1.8 }),
        ratioFigure('`mctl --version`, which asks nobody', times.version, times.node, MS),
      ];
    } finally {
      await product.stop();
    }
  },
};

export const coldRow: Row = {
  name: 'cold-start',
  title: 'Start with no daemon',
  method:
    'Spawn to handshake: `daemon.cjs` is started and dialled each millisecond until `initialize` is answered. ' +
    'First list: `mctl sessions list` with no daemon running, from spawn to exit; it starts the daemon, which opens the store and decrypts 20 sessions. The daemon is killed after each round. ' +
    'Keychain: the same store with its key on a session bus of its own with gnome-keyring, where the tools are installed; the key is read once, by a process of its own.',
  run: async () => {
    const dataDirectory = join(makeDirectory(), 'data');
    await makeSmallStore(dataDirectory);
    const environment = environmentOf(dataDirectory);
    const times = await interleave(
      {
        node: runNothing,
        handshake: () => handshake(dataDirectory),
        list: () => firstList(environment, dataDirectory),
      },
      { rounds: ROUNDS, calls: 1, warmUp: 4 },
    );
    return [
      ratioFigure('spawn to handshake', times.handshake, times.node, { ...MS, limit: 3.5 }),
      ratioFigure('first decrypted list, key file', times.list, times.node, { ...MS, limit: 5.5 }),
      withKeychain(),
    ];
  },
};

async function handshake(dataDirectory: string): Promise<number> {
  const took = await timeOnce(async () => {
    spawnDaemon(dataDirectory);
    const client = await LightClient.connect(socketOf(dataDirectory), 10_000);
    client.close();
  });
  await killDaemon(dataDirectory);
  return took;
}

function withKeychain(): Figure {
  const what = 'first decrypted list, keychain';
  const missing = KEYRING_TOOLS.filter((tool) => spawnSync('which', [tool]).status !== 0);
  if (missing.length > 0) return { what, measured: `not measured: ${missing.join(', ')} not installed` };
  const dataDirectory = join(makeDirectory(), 'data');
  const { status, stdout, stderr } = spawnSync(
    join(ROOT, 'scripts', 'with-keyring.sh'),
    [process.execPath, CHILD, 'first-list', dataDirectory, String(ROUNDS)],
    { encoding: 'utf8', timeout: 120_000 },
  );
  const line = stdout.trim().split('\n').at(-1);
  if (status !== 0 || line === undefined) throw new Error(`the keychain could not be used: ${stderr}`);
  const { node, list } = JSON.parse(line) as FirstListTimes;
  return ratioFigure(what, list, node, { ...MS, limit: 6.5 });
}
