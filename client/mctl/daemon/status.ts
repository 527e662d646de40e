/** `mctl daemon status` */
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { count, localTime } from '../../command-line/wording.ts';
import type { DaemonStatus } from '../../../protocol/admin.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';

export const status: Verb<{ readonly json?: boolean }> = async ({ context }) => {
  const found = await readStatus(context);
  context.result(found, found.running ? statusText(found) : 'no daemon runs; the next m or mctl command starts one');
};

/** What the daemon says, or what is known without one. Never starts one. */
export async function readStatus(context: MctlContext) {
  const { environment } = context.around;
  const [{ askDaemon }, { locate }] = await Promise.all([
    import('../../connection/daemon-control.ts'),
    import('../../connection/locations.ts'),
  ]);
  const found = await askDaemon({ environment });
  if (found !== undefined) return found;
  const { dataDirectory, endpoint } = locate(environment);
  return {
    running: false as const,
    pid: null,
    version: null,
    build: null,
    protocol: null,
    dataDir: dataDirectory,
    socket: endpoint.socketPath,
    startedAt: null,
    keyProvider: null,
    keyState: null,
    clients: 0,
    sessions: null,
  };
}

/** Several lines about a daemon. */
export function statusText(found: DaemonStatus): string {
  const work = [
    count(found.runningTurns, 'running turn'),
    ...(found.waitingTurns > 0 ? [`${found.waitingTurns} waiting`] : []),
    ...(found.draining ? ['draining'] : []),
  ];
  const sessions = found.sessions === null ? 'store not open' : count(found.sessions, 'session');
  return [
    `daemon ${found.version} (build ${found.build}), pid ${found.pid}, since ${localTime(found.startedAt)}`,
    `  data     ${harmlessLine(found.dataDir)}`,
    `  socket   ${harmlessLine(found.socket)}`,
    `  key      ${found.keyProvider ?? 'none'}, ${found.keyState}`,
    `  storage  ${found.storage.state === 'saved' ? 'saved' : `NOT SAVED: ${harmlessLine(found.storage.reason)}`}`,
    `  work     ${work.join(', ')}`,
    `  clients  ${found.clients}, ${sessions}, ${Math.round(found.rssBytes / 1_048_576)} MB`,
    ...found.configProblems.map((problem) => `  configuration: ${harmlessLine(problem)}`),
  ].join('\n');
}
