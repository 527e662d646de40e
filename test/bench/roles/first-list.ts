/** First lists with a store whose key is in the keychain of this session bus: prints the times as JSON. */
import { mkdirSync } from 'node:fs';
import { makeSmallStore } from '../rows/step-in-vault.ts';
import { environmentOf } from '../support/product.ts';
import { firstList, runNothing } from '../support/programs.ts';
import { interleave } from '../support/rounds.ts';
import { DESKTOP_VARIABLES, pick } from '../../../client/connection/hello.ts';

export interface FirstListTimes {
  readonly node: readonly number[];
  readonly list: readonly number[];
}

export async function measure(dataDirectory: string, rounds: number): Promise<void> {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const desktop = pick(process.env, DESKTOP_VARIABLES);
  const environment: NodeJS.ProcessEnv = { ...environmentOf(dataDirectory), ...desktop, M_KEY_PROVIDER: 'keychain' };
  await makeSmallStore(dataDirectory, { provider: 'keychain', environment: desktop });
  const { node, list } = await interleave(
    { node: runNothing, list: () => firstList(environment, dataDirectory) },
    { rounds, calls: 1, warmUp: 4 },
  );
  process.stdout.write(`${JSON.stringify({ node, list } satisfies FirstListTimes)}\n`);
}
