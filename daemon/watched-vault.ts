/** The vault in its thread, with what happens to it in the log. */
import type { DaemonContext } from './life/daemon-context.ts';
import { errorShape } from './logging/error-shape.ts';
import type { Report } from './reporter.ts';
import type { VaultPort } from './services/ports.ts';
import { connectVault } from './vault/vault-client.ts';
import { startVaultThread } from './vault/vault-thread.ts';

/** Without its vault the daemon cannot go on. */
export function startWatchedVault(context: DaemonContext, report: Report): VaultPort {
  return connectVault(
    {
      onDeath: (reason, error) => {
        context.log.fatal('vault thread ended', { reason, ...(error === undefined ? {} : errorShape(error)) });
        context.requestStop('vault-lost', 'now');
      },
      onUnexpected: (method, stack) => {
        const error = new Error('unexpected');
        error.stack = stack;
        report(`vault.${method}`, error);
      },
    },
    context.vaultThread ?? startVaultThread({ dataDirectory: context.dataDir }),
  );
}
