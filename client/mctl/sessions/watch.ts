/** `mctl sessions list --watch`: the list and what becomes of it, as a table that is redrawn, as lines, or as JSON. */
import { harmlessLine } from '../../command-line/harmless-text.ts';
import type { Client } from '../../connection/api.ts';
import type { Session } from '../../../protocol/session.ts';
import type { MctlContext } from '../context.ts';
import { LiveList, type ListView } from './live-list.ts';
import { LiveTable } from './live-table.ts';
import type { ListQuery } from './pages.ts';
import { sessionShape } from './shape.ts';
import { table } from './table.ts';

/**
 * Until a signal or until nobody reads.
 * @throws ProtocolError when the list cannot be read, or the connection is lost for good.
 */
export async function watch(context: MctlContext, client: Client, query: ListQuery, wanted: number): Promise<void> {
  const { around, stdout } = context;
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  const undos = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => around.onSignal(signal, end));
  stdout.gone.addEventListener('abort', end, { once: true });
  const live = !context.isJson && stdout.isTerminal ? new LiveTable(stdout, wanted) : undefined;
  const view = live ?? (context.isJson ? jsonView(context) : linesView(context));
  const unlock = async (): Promise<void> => {
    const { openStore } = await import('../../keys/open-store.ts');
    await openStore(client, around);
  };
  const list = new LiveList({ client, query, wanted, view, unlock });
  try {
    if (live !== undefined) undos.push(live.show(() => list.sessions));
    await list.run(over.signal);
  } finally {
    for (const undo of undos) undo();
  }
}

function jsonView(context: MctlContext): ListView {
  const tell = (type: string, fields: object = {}): void => {
    context.jsonLine({ type, ...fields });
  };
  return {
    listed: (sessions) => {
      for (const session of sessions) tell('listed', { session: sessionShape(session) });
      tell('watching');
    },
    changed: (session) => {
      tell('changed', { session: sessionShape(session) });
    },
    removed: (id) => {
      tell('removed', { id });
    },
    lost: (reason) => {
      tell('lost', { reason });
    },
    restored: () => {
      tell('watching');
    },
  };
}

function linesView({ stdout, stderr }: MctlContext): ListView {
  const rows = (sessions: readonly Session[]): string[] => table(sessions, Number.POSITIVE_INFINITY);
  let isLost = false;
  return {
    listed: (sessions) => {
      for (const row of rows(sessions)) stdout.line(row);
    },
    changed: (session) => {
      stdout.line(rows([session])[1] ?? '');
    },
    removed: (id) => {
      stdout.line(`${id}  removed`);
    },
    lost: (reason) => {
      isLost = true;
      stderr.line(harmlessLine(`mctl: the connection is lost, trying again: ${reason}`));
    },
    restored: () => {
      if (isLost) stderr.line('mctl: connected again');
      isLost = false;
    },
  };
}
