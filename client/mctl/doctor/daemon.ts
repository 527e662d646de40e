/** Whether a daemon runs, answers, saves, and is of this build. */
import { failureOf } from '../../command-line/failure.ts';
import { lastGoodStart, readStartFailure } from '../../connection/start-records.ts';
import type { DaemonStatus } from '../../../protocol/admin.ts';
import { BUILD } from '../../../protocol/version.ts';
import { broken, note, ok, type Check, type Finding, type Patient } from './finding.ts';

/** Failed starts that are older explain nothing any more. */
const RECENT_MS = 24 * 3600_000;

export const checkDaemon: Check = (patient) => {
  const { daemon, silence } = patient;
  if (silence !== undefined) {
    const { message, hint } = failureOf(silence);
    return [broken('daemon', message, hint)];
  }
  return daemon === undefined ? absent(patient) : present(daemon);
};

function absent({ locations }: Patient): Finding[] {
  const since = Math.max(Date.now() - RECENT_MS, lastGoodStart(locations));
  const failure = readStartFailure(locations, since);
  if (failure !== undefined) return [broken('daemon', `the last start failed: ${failure.message}`, failure.hint)];
  return [note('daemon', 'none runs; the next m or mctl command starts one')];
}

function present(daemon: DaemonStatus): Finding[] {
  const findings = [ok('daemon', `${daemon.version}, pid ${daemon.pid}, answers at ${daemon.socket}`)];
  if (daemon.build !== BUILD.id) {
    findings.push(
      note(
        'build',
        `the daemon is build ${daemon.build}, this is ${BUILD.id}`,
        'It is replaced when it has nothing to do; `mctl daemon restart` does it now.',
      ),
    );
  }
  if (daemon.draining) findings.push(note('work', 'the daemon finishes its work and then stops'));
  findings.push(
    daemon.storage.state === 'saved'
      ? ok('storage', 'everything is saved')
      : broken('storage', `NOT SAVED: ${daemon.storage.reason}`, 'Mend the cause; the daemon tries again by itself.'),
  );
  return findings;
}
