import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MHome } from '../support/m-home.ts';
import { chance, faultLoops } from './support/chance.ts';

const LOOPS = Math.max(3, Math.round(faultLoops() / 2));
/** Deriving a key from a passphrase takes most of a move. */
const LONGEST_PAUSE_MS = 900;

let home: MHome;

beforeEach(() => {
  home = new MHome();
  home.environment['M_KEY_PROVIDER'] = '';
});

afterEach(async () => {
  await home.remove();
});

test(
  'a daemon that is killed while the key moves leaves a store that opens with the old keeper or the new one',
  async () => {
    const luck = chance();
    const file = join(home.root, 'passphrase');
    writeFileSync(file, 'correct horse', { mode: 0o600 });
    const environment = { M_PASSPHRASE_FILE: file };
    expect((await home.run('m', ['--allow-keyfile', 'run', 'echo kept'])).code).toBe(0);
    for (let loop = 0; loop < LOOPS; loop += 1) {
      const before = (await home.json(['keys', 'status'])) as { provider: string };
      const to = before.provider === 'keyfile' ? 'passphrase' : 'keyfile';
      const args = ['keys', 'move', to, '--yes', ...(to === 'passphrase' ? ['--file', file] : [])];
      const moving = home.start('mctl', args, { environment, input: '' });
      await sleep(luck.between(0, LONGEST_PAUSE_MS));
      await home.killDaemon();
      await moving.finished;
      const { out, code } = await home.run('mctl', ['sessions', 'verify'], { environment });
      expect({ loop, code, out }).toMatchObject({ code: 0, out: expect.stringContaining('everything verifies') });
      const after = (await home.json(['keys', 'status'])) as { provider: string };
      // A key file without a store that needs it may be left over; a store without its key file may not.
      if (after.provider === 'keyfile') expect(existsSync(join(home.dataDirectory, 'key'))).toBe(true);
    }
    const { out } = await home.run('mctl', ['sessions', 'list', '--json']);
    expect(JSON.parse(out)).toMatchObject([{ title: 'echo kept', messages: 2 }]);
  },
  30_000 + LOOPS * 6_000,
);
