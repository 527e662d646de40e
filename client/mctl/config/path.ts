/** `mctl config path` */
import { existsSync } from 'node:fs';
import type { Verb } from '../verb.ts';

export const path: Verb<{ readonly json?: boolean }> = async ({ context }) => {
  const { locate } = await import('../../connection/locations.ts');
  const { configFile } = locate(context.around.environment);
  context.result({ path: configFile, exists: existsSync(configFile) }, configFile);
};
