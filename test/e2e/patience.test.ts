/** A model that cannot be reached for long: `m run` leaves after 20 seconds, and the prompt is not lost. */
import { expect, onTestFinished, test } from 'vitest';
import { ProviderServer } from '../daemon/agent/support/provider-server.ts';
import { homeOf, onlySession } from './support/model-run.ts';

test(
  'm run waits 20 seconds for a model that cannot be reached, and leaves its prompt in the daemon',
  { timeout: 60_000 },
  async () => {
    const server = await ProviderServer.start();
    const url = server.baseUrl;
    onTestFinished(() => server.stop());
    await server.stop();
    const home = homeOf(url);
    const started = performance.now();
    const run = home.m(['run', 'hello']);
    expect(await run.exit).toEqual({ code: 75, signal: null });
    expect(performance.now() - started).toBeGreaterThan(20_000);
    expect(run.stdout()).toBe('');
    expect(run.stderr()).toMatch(
      /m: waiting: local .* cannot be reached: the connection was refused .*; next attempt at/,
    );
    const { id, status, turns } = await onlySession(home);
    expect(run.stderr()).toContain(
      `the prompt stays queued in the daemon, which sends it when it can; come back with: m -r ${String(id)}`,
    );
    expect([status, turns]).toEqual(['waiting', 1]);
    expect(await home.finish()).toEqual([]);
  },
);
