/** `mctl daemon restart` */
import type { Verb } from '../verb.ts';
import { startAndTell } from './start.ts';
import { stopDaemonProcess, type StopOptions } from './stop.ts';

export const restart: Verb<StopOptions> = async ({ context, options }) => {
  // Running turns are to go on in the new one.
  const stopped = await stopDaemonProcess(context, options, false);
  await startAndTell(context, stopped ? 'daemon restarted' : 'daemon started');
};
