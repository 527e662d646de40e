/** Holds the store to what was promised: every acknowledged thing once, in order, with the text that was streamed. */
import type { Client } from '../../../client/connection/api.ts';
import { textOf } from '../../../client/conversation/reply-text.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { SessionEvent } from '../../../protocol/event.ts';
import type { Session } from '../../../protocol/session.ts';
import { waitUntil } from '../../support/real-daemon.ts';
import { answerTo } from './demo-prompts.ts';
import type { DurableEvent } from './follower.ts';
import type { Promises } from './load.ts';

/** The whole log of a session, oldest first. */
export async function readLog(client: Client, sessionId: string): Promise<DurableEvent[]> {
  const nothing = { opened: () => undefined, resumed: () => undefined, event: () => undefined, ended: () => undefined };
  const first = await client.attach(sessionId, nothing, { tail: 0 });
  const { generation } = first.cursor;
  await first.detach();
  const events: SessionEvent[] = [];
  let lastSeq = Number.POSITIVE_INFINITY;
  const handlers = {
    opened: ({ session }: { session: Session }) => {
      lastSeq = session.lastSeq;
    },
    resumed: () => undefined,
    event: (event: SessionEvent) => {
      if (event.type !== 'presence') events.push(event);
    },
    ended: () => undefined,
  };
  const attachment = await client.attach(sessionId, handlers, { after: { generation, seq: 0 } });
  await waitUntil(`the log of ${sessionId} is read`, () => attachment.cursor.seq >= lastSeq);
  await attachment.detach();
  return events as DurableEvent[];
}

/** Every session of the store. */
export async function allSessions(client: Client): Promise<Session[]> {
  const sessions: Session[] = [];
  let cursor: string | null = null;
  do {
    const page: { sessions: Session[]; nextCursor: string | null } = await client.call('session/list', {
      archived: 'include',
      limit: 500,
      ...(cursor === null ? {} : { cursor }),
    });
    sessions.push(...page.sessions);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return sessions;
}

/** Waits until nothing runs, waits or is queued anywhere. */
export async function untilQuiet(client: Client, limitMs: number): Promise<void> {
  await waitUntil(
    'every turn has ended',
    async () => {
      const { runningTurns, waitingTurns } = await client.call('daemon/status', {});
      if (runningTurns + waitingTurns > 0) return false;
      return (await allSessions(client)).every(({ status }) => status !== 'queued' && status !== 'running');
    },
    limitMs,
  );
}

/** Everything that is wrong with one log by itself, for a session whose turns have all completed. */
export function checkLog(session: Session, log: readonly DurableEvent[]): string[] {
  const problems: string[] = [];
  const wrong = (what: string): void => {
    problems.push(`session ${session.id}: ${what}`);
  };
  log.forEach((event, index) => {
    if (event.seq !== index + 1) wrong(`entry ${event.seq} is in place ${index + 1}`);
    if (event.turn < (log[index - 1]?.turn ?? 0)) wrong(`entry ${event.seq} of turn ${event.turn} comes too late`);
  });
  if (log.length !== session.lastSeq) wrong(`has ${log.length} entries, its head says ${session.lastSeq}`);
  const messages = log.filter((event) => event.type === 'message').length;
  if (messages !== session.messages) wrong(`has ${messages} messages, its head says ${session.messages}`);
  const turns = new Set(log.filter(({ type }) => type === 'message').map(({ turn }) => turn));
  if (turns.size !== session.turns) wrong(`has ${turns.size} turns, its head says ${session.turns}`);
  for (const turn of turns)
    problems.push(
      ...checkTurn(
        session,
        log.filter((event) => event.turn === turn),
      ),
    );
  return problems;
}

function checkTurn(session: Session, entries: readonly DurableEvent[]): string[] {
  const problems: string[] = [];
  const turn = entries[0]?.turn ?? 0;
  const wrong = (what: string): void => {
    problems.push(`session ${session.id}, turn ${turn}: ${what}`);
  };
  const messages = entries.flatMap((entry) => (entry.type === 'message' ? [entry.data] : []));
  const [prompt, ...replies] = messages.map(({ parts }) => textOf(parts));
  const answer = answerTo(prompt ?? '');
  if (messages.map(({ role }) => role).join(' ') !== 'user assistant') wrong(`has ${messages.length} messages`);
  if (replies[0] !== answer) wrong(`has the reply ${JSON.stringify(replies[0])}`);
  const states = entries.flatMap((entry) => (entry.type === 'turn' ? [entry.data.state] : []));
  if (states.join(' ') !== 'running completed') wrong(`went through ${states.join(', ')}`);
  let step = 0;
  for (const entry of entries) {
    if (entry.type !== 'cutoff') continue;
    if (entry.data.step <= step) wrong(`step ${entry.data.step} was cut off after step ${step}`);
    step = entry.data.step;
    if (!answer.startsWith(textOf(entry.data.parts))) wrong('something else was cut off');
  }
  return problems;
}

export interface Audit {
  readonly problems: string[];
  readonly entries: number;
  readonly sessions: number;
  readonly cutoffs: number;
}

/** Compares the whole store with what was promised. */
export async function audit(client: Client, promises: Promises, renamed: string): Promise<Audit> {
  const problems = [...promises.refused];
  const sessions = await allSessions(client);
  let entries = 0;
  let cutoffs = 0;
  const prompts = new Map<string, string[]>();
  for (const session of sessions) {
    const log = await readLog(client, session.id);
    entries += log.length;
    cutoffs += log.filter(({ type }) => type === 'cutoff').length;
    problems.push(...checkLog(session, log), ...(await verify(client, session.id)));
    const own = log.slice(log.findLastIndex(({ type }) => type === 'origin') + 1);
    for (const event of own) {
      if (event.type !== 'message' || event.data.role !== 'user') continue;
      const text = textOf(event.data.parts);
      prompts.set(text, [...(prompts.get(text) ?? []), `${session.id} ${event.turn}`]);
    }
    if (session.id === renamed) problems.push(...checkTitles(session, log, promises));
  }
  problems.push(
    ...checkPrompts(prompts, promises),
    ...checkForks(sessions, promises),
    ...(await checkSaves(client, promises, sessions.length)),
    ...(await checkLines(client, promises)),
  );
  return { problems, entries, sessions: sessions.length, cutoffs };
}

async function verify(client: Client, sessionId: string): Promise<string[]> {
  const { problems } = await client.call('session/verify', { sessionId });
  return problems.map((problem) => `session ${sessionId} does not verify: ${problem}`);
}

function checkPrompts(stored: ReadonlyMap<string, readonly string[]>, promises: Promises): string[] {
  const problems: string[] = [];
  const deleted = new Set(promises.deleted);
  const promised = promises.prompts.filter(({ sessionId }) => !deleted.has(sessionId));
  for (const { text, sessionId, turn, by } of promised) {
    const places = stored.get(text) ?? [];
    if (places.length === 1 && places[0] === `${sessionId} ${turn}`) continue;
    const found = places.length === 0 ? 'is lost' : `is in ${places.join(', ')}`;
    problems.push(`the prompt ${text.slice(0, 30)} of ${by} for ${sessionId} ${turn} ${found}`);
  }
  if (stored.size !== promised.length)
    problems.push(`${stored.size} prompts are stored, ${promised.length} were given`);
  const places = new Map<string, number>();
  for (const { by, sessionId, turn } of promised) {
    const place = `${by} ${sessionId}`;
    if (turn <= (places.get(place) ?? 0)) problems.push(`turn ${turn} of ${place} came out of order`);
    places.set(place, turn);
  }
  return problems;
}

function checkTitles(session: Session, log: readonly DurableEvent[], promises: Promises): string[] {
  const titles = log.flatMap((event) => (event.type === 'title' && !event.data.automatic ? [event.data.title] : []));
  const problems: string[] = [];
  if (titles.join() !== promises.titles.join())
    problems.push(`titles: ${titles.join()}, not ${promises.titles.join()}`);
  if (promises.titles.length > 0 && session.title !== promises.titles.at(-1)) problems.push(`titled ${session.title}`);
  if (promises.pinned !== undefined && session.pinned !== promises.pinned) problems.push(`pinned: ${session.pinned}`);
  return problems;
}

function checkForks(sessions: readonly Session[], promises: Promises): string[] {
  const deleted = new Set(promises.deleted);
  const expected = promises.forks.filter(({ id }) => !deleted.has(id)).map(({ id, parent }) => `${id} of ${parent}`);
  const found = sessions.flatMap(({ id, parent }) => (parent === null ? [] : [`${id} of ${parent.sessionId}`]));
  const problems = difference(found, expected, 'fork');
  for (const { id } of sessions) if (deleted.has(id)) problems.push(`session ${id} was deleted and is there`);
  return problems;
}

async function checkSaves(client: Client, promises: Promises, sessions: number): Promise<string[]> {
  const problems: string[] = [];
  for (const { id, sessionId, messages } of promises.saves) {
    try {
      const row = await client.call('session/resolve', { reference: id, workspace: '/' });
      const kept = row.kind === 'save' && row.save.sessionId === sessionId && row.save.messages === messages;
      if (!kept) problems.push(`the save ${id} is ${JSON.stringify(row)}`);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      problems.push(`the save ${id}: ${error.message}`);
    }
  }
  const { rows, more } = await client.call('session/catalog', { workspace: '/', limit: 500 });
  const saves = rows.length + more - sessions;
  if (saves !== promises.saves.length)
    problems.push(`${saves} saves are stored, ${promises.saves.length} were promised`);
  return problems;
}

async function checkLines(client: Client, promises: Promises): Promise<string[]> {
  const { lines } = await client.call('history/list', { limit: 1000 });
  const doubtful = new Set(promises.doubtfulLines);
  const certain = lines.filter((line) => !doubtful.has(line));
  const twice = lines.filter((line, index) => lines.indexOf(line) !== index);
  return [...difference(certain, promises.lines, 'line'), ...twice.map((line) => `the line ${line} is there twice`)];
}

function difference(found: readonly string[], expected: readonly string[], what: string): string[] {
  const left = new Set(found);
  const right = new Set(expected);
  return [
    ...[...right].filter((one) => !left.has(one)).map((one) => `the ${what} ${one} is lost`),
    ...[...left].filter((one) => !right.has(one)).map((one) => `the ${what} ${one} was never promised`),
    ...(left.size === found.length ? [] : [`a ${what} is there twice`]),
  ];
}
