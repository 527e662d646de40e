/** The very first start, killed at any moment: the next one makes, or finishes making, one store with one key. */
import { expect, test } from 'vitest';
import { realHome, waitUntil } from '../support/real-daemon.ts';
import { chance, faultLoops } from './support/chance.ts';
import { answerTo } from './support/demo-prompts.ts';
import { pause, submit, textsOf, untilStatus } from './support/turns.ts';

test(
  'a first start that is killed at any moment is made good by the next one',
  { timeout: 30_000 + faultLoops() * 4_000 },
  async () => {
    const lots = chance();
    for (let loop = 0; loop < faultLoops(); loop += 1) {
      const home = realHome();
      const starting = home.client();
      const given = starting.then((client) => submit(client, home, 'echo the first words'));
      await waitUntil('a daemon starts', () => home.daemonPids().length > 0);
      await pause(lots.between(0, 250));
      home.signalDaemons('SIGKILL');
      const { sessionId } = await given;
      const client = await starting;
      await untilStatus(client, sessionId, 'idle');
      expect(await textsOf(client, sessionId)).toEqual(['echo the first words', answerTo('echo the first words')]);
      const { state, provider } = await client.call('key/status', {});
      expect({ state, provider }).toEqual({ state: 'unlocked', provider: 'keyfile' });
      expect((await client.call('session/list', {})).total).toBe(1);
      expect((await client.call('session/verify', { sessionId })).problems).toEqual([]);
      expect(await home.finish()).toEqual([]);
      await home.remove();
    }
  },
);
