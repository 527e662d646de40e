/** The head of a session as it is stored: which columns there are and what their authenticity hangs on. */
import type { KeyObject } from 'node:crypto';
import type { SessionStatus } from '../../protocol/session.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import { TamperError, bind, openRecord, requireBytes, requireIntegers, requireTexts, sealRecord } from './cipher.ts';
import { digestOfUses, type SegmentUse } from './segment-uses.ts';
import { EMPTY_CHAIN, type SegmentHead } from './segments.ts';

/** Position is the number on disk and never changes. */
export const STATUSES: readonly SessionStatus[] = ['idle', 'queued', 'running', 'waiting', 'interrupted', 'failed'];
/** Statuses with a turn that is not finished. */
export const UNFINISHED_STATUSES = [1, 2, 3] as const;

/** A session in memory. Only this room changes it, and only inside a transaction. */
export interface SessionState {
  readonly number: number;
  readonly id: string;
  readonly workspace: number;
  readonly key: KeyObject;
  readonly wrappedKey: Buffer;
  /** What the head is bound to and never changes. */
  readonly fixed: Buffer;
  readonly parent: { readonly sessionId: string; readonly turn: number } | null;
  readonly createdAt: number;
  title: string;
  model: string;
  mode: ApprovalMode;
  agent: string;
  /** How often the environment was replaced: says which one belongs to this head. 0: there is none. */
  environment: number;
  status: SessionStatus;
  turns: number;
  messages: number;
  inputTokens: number;
  outputTokens: number;
  lastSeq: number;
  updatedAt: number;
  archived: boolean;
  pinned: boolean;
  /** Replaced, never changed in place. */
  uses: readonly SegmentUse[];
  open: SegmentHead | null;
  /** Turns of prompts that were cancelled and have not left the queue yet. Replaced, never changed in place. */
  cancelled: readonly number[];
  /** What is sealed with the head, encoded; most steps change none of it. */
  details?: SealedFacts & { readonly bytes: Buffer };
}

/** What a head says in its sealed part. Heads that were written before there were the optional ones have none of them. */
interface SealedFacts {
  readonly title: string;
  readonly model: string;
  readonly mode?: ApprovalMode;
  readonly agent?: string;
  readonly environment?: number;
  /** Left out as long as there is none. */
  readonly cancelled?: readonly number[];
}

export interface SessionRow {
  number: number;
  id: string;
  workspace: number;
  key: Buffer;
  details: Buffer;
  status: number;
  turns: number;
  messages: number;
  input_tokens: number;
  output_tokens: number;
  last_seq: number;
  created_at: number;
  updated_at: number;
  archived: number;
  pinned: number;
  parent_id: string | null;
  parent_turn: number;
  open_segment: number | null;
  chain: Buffer;
}

/** The numbers of the head that is being bound, as doubles; one array for all of them, since each step binds one. */
const numbers = new Float64Array(10);
const numberBytes = Buffer.from(numbers.buffer);

/** Everything in a head that code trusts, in a fixed order. */
function headBinding(state: SessionState): Buffer {
  const { fixed, open } = state;
  numbers[0] = STATUSES.indexOf(state.status);
  numbers[1] = state.turns;
  numbers[2] = state.messages;
  numbers[3] = state.inputTokens;
  numbers[4] = state.outputTokens;
  numbers[5] = state.lastSeq;
  numbers[6] = state.updatedAt;
  numbers[7] = state.archived ? 1 : 0;
  numbers[8] = state.pinned ? 1 : 0;
  numbers[9] = open?.id ?? -1;
  return Buffer.concat([fixed, numberBytes, open?.chain ?? EMPTY_CHAIN, digestOfUses(state.uses)]);
}

function openDetails(state: SessionState, details: Buffer): SealedFacts {
  try {
    const plaintext = openRecord(state.key, 1, headBinding(state), details);
    return JSON.parse(plaintext.toString('utf8')) as SealedFacts;
  } catch (error) {
    if (!(error instanceof TamperError)) throw error;
    throw new TamperError(`the head of session ${state.id} does not verify`, { cause: error });
  }
}

/** Title and settings, encrypted, bound to everything else in the head. */
export function sealDetails(state: SessionState): Buffer {
  const { title, model, mode, agent, environment, cancelled, details } = state;
  const isSame =
    details?.title === title &&
    details.model === model &&
    details.mode === mode &&
    details.agent === agent &&
    details.environment === environment &&
    details.cancelled === cancelled;
  if (isSame) return sealRecord(state.key, 1, headBinding(state), details.bytes);
  const facts = { title, model, mode, agent, environment };
  const bytes = Buffer.from(JSON.stringify(cancelled.length === 0 ? facts : { ...facts, cancelled }), 'utf8');
  state.details = { ...facts, cancelled, bytes };
  return sealRecord(state.key, 1, headBinding(state), bytes);
}

/** The part of a head that never changes. */
export function fixedPart(storeId: string, head: FixedColumns): Buffer {
  const { id, workspace, createdAt, wrappedKey, parent } = head;
  return bind('m/session', storeId, id, workspace, createdAt, wrappedKey, parent?.sessionId ?? '', parent?.turn ?? 0);
}

type FixedColumns = Pick<SessionState, 'id' | 'workspace' | 'createdAt' | 'wrappedKey' | 'parent'>;

/** What a head hangs together with. */
interface HeadSurroundings {
  readonly storeId: string;
  readonly key: KeyObject;
  readonly uses: readonly SegmentUse[];
  readonly open: SegmentHead | null;
}

/** A stored head as it is kept in memory. @throws TamperError when any part of it is not as it was written. */
export function stateOf(row: SessionRow, { storeId, key, uses, open }: HeadSurroundings): SessionState {
  const { number, turns, messages, input_tokens: input, output_tokens: output, last_seq: last, updated_at: at } = row;
  requireIntegers(number, turns, messages, input, output, last, at, row.archived, row.pinned);
  requireTexts(row.id, row.parent_id ?? '');
  if (row.archived * (row.archived - 1) !== 0 || row.pinned * (row.pinned - 1) !== 0) {
    throw new TamperError(`a mark of session ${row.id}`);
  }
  requireBytes(row.chain);
  const status = STATUSES[row.status];
  if (status === undefined) throw new TamperError(`session ${row.id} has an unknown status`);
  // The binding tells no parent from one without a name.
  if (row.parent_id === '' || (row.parent_id === null && row.parent_turn !== 0)) {
    throw new TamperError(`the parent of session ${row.id}`);
  }
  const parent = row.parent_id === null ? null : { sessionId: row.parent_id, turn: row.parent_turn };
  const fixedColumns = { id: row.id, workspace: row.workspace, createdAt: row.created_at, wrappedKey: row.key, parent };
  const state: SessionState = {
    ...fixedColumns,
    number: row.number,
    key,
    fixed: fixedPart(storeId, fixedColumns),
    title: '',
    model: '',
    mode: 'ask',
    agent: '',
    environment: 0,
    status,
    turns: row.turns,
    messages: row.messages,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    lastSeq: row.last_seq,
    updatedAt: row.updated_at,
    archived: row.archived === 1,
    pinned: row.pinned === 1,
    uses,
    open,
    cancelled: [],
  };
  return Object.assign(state, openDetails(state, row.details));
}
