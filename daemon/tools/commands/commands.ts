/** Runs commands, each in a process group of its own. */
import type { ProcessRecord } from '../../services/tool-port.ts';
import type { Tool } from '../tool.ts';

export class Commands {
  tools(): readonly Tool[] {
    return [];
  }

  /** Ends what a session, or anybody, left running in the background. Resolves when it is gone. */
  endBackground(_sessionId: string | undefined): Promise<void> {
    return Promise.resolve();
  }

  /** Ends groups that are none of this thread's. Resolves when none is alive. */
  endSurvivors(_records: readonly ProcessRecord[]): Promise<void> {
    return Promise.resolve();
  }
}
