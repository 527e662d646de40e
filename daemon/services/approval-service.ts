/** Asks people about tool calls: every attached frontend at once, and the first answer holds. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { ApprovalChange, ApprovalQuestion, ApprovalRule, ApprovalScope } from '../../protocol/tool.ts';
import { judge, subjectOf, type Judgement } from '../domain/approval-policy.ts';
import type { Verdict } from './agent-port.ts';
import { ExpectedQuestions } from './expected-questions.ts';
import type { ClockPort, VaultPort } from './ports.ts';
import { isoTime } from './present.ts';
import type { PreparedCall } from './tool-port.ts';
import type { TurnPlace } from './turn-place.ts';

/** Answers that are remembered, so that one that is sent again is not a second one. */
const REMEMBERED = 1_000;
/** Newest entries of a session among which the answer to a call is looked for: what is older was answered long ago. */
const TAIL = 500;
const TAIL_BYTES = 4 * 1024 * 1024;

/** Writes to the log of the turn that asks. Durable when it resolves. */
export interface ApprovalLog {
  /** @param opId the client's operation; undefined when the daemon writes by itself. */
  write(change: ApprovalChange, opId: string | undefined): Promise<void>;
}

/** A call that is judged. */
export interface Judged {
  readonly place: TurnPlace;
  readonly callId: string;
  readonly call: PreparedCall;
  /** Why it is asked about, in a sentence, whatever was allowed before; undefined when there is nothing to say. */
  readonly warning: string | undefined;
}

interface Pending extends Judged {
  readonly question: ApprovalQuestion;
  readonly log: ApprovalLog;
  readonly settle: (verdict: Verdict) => void;
  /** Set while an answer is on its way to the disk. */
  answering: boolean;
}

interface Answer {
  readonly opId: string;
  readonly state: 'allowed' | 'rejected';
}

export class ApprovalService {
  readonly #vault: VaultPort;
  readonly #clock: ClockPort;
  /** What the daemon before this one asked. */
  readonly expected = new ExpectedQuestions();
  /** By call. */
  readonly #pending = new Map<string, Pending>();
  readonly #answered = new Map<string, Answer>();

  constructor(vault: VaultPort, clock: ClockPort) {
    this.#vault = vault;
    this.#clock = clock;
  }

  /** Calls of a session that wait for an answer, in the order in which they were asked; of every session without an id. */
  pending(sessionId?: string): { sessionId: string; turn: number; question: ApprovalQuestion }[] {
    return [...this.#pending.values()]
      .filter(({ place }) => sessionId === undefined || place.sessionId === sessionId)
      .map(({ place, question }) => ({ sessionId: place.sessionId, turn: place.turn, question }));
  }

  /**
   * Whether a call may take effect.
   * @param before what the log says of this call already, newest last: an answer from before a restart holds when it was
   *   about exactly this.
   * @throws the signal's reason; the question then stays as it is in the log.
   */
  async decide(
    judged: Judged,
    log: ApprovalLog,
    before: readonly ApprovalChange[],
    signal: AbortSignal,
  ): Promise<Verdict> {
    const { place, callId, call, warning } = judged;
    const judgement = withWarning(this.#judge(place, call), warning);
    if (judgement.decision === 'allow') return { allowed: true };
    if (warning === undefined && (await this.#isRemembered(place, call, judgement))) return { allowed: true };
    const question = questionOf(callId, call, judgement);
    const known = answerTo(question, before);
    if (known === 'allowed') return { allowed: true };
    if (known !== 'asked' && known !== undefined) return known;
    if (place.unattended) return refused(judgement);
    signal.throwIfAborted();
    return await this.#ask({ ...judged, question, log }, known === 'asked', signal);
  }

  /** The mode of a session is another one: what it allows now is not asked any longer. */
  async modeChanged(sessionId: string): Promise<void> {
    const mine = [...this.#pending.values()].filter(({ place }) => place.sessionId === sessionId);
    for (const pending of mine) {
      if (this.#judge(pending.place, pending.call).decision === 'ask' || pending.answering) continue;
      await this.#settle(pending, { state: 'allowed', callId: pending.question.callId, scope: 'once' }, undefined);
    }
  }

  /** @throws ProtocolError NOT_FOUND, CONFLICT when it was answered before or cannot be answered any more. */
  async answer(params: ParamsOf<'approval/answer'>): Promise<ResultOf<'approval/answer'>> {
    const { opId, sessionId, callId, decision, reason } = params;
    const pending = this.#pending.get(callId);
    if (pending?.place.sessionId !== sessionId || pending.answering) {
      return { state: await this.#answeredBefore(params, pending) };
    }
    const scope = params.scope ?? 'once';
    if (decision === 'reject') {
      await this.#settle(pending, { state: 'rejected', callId, reason: (reason ?? '').trim() }, opId);
      return { state: 'rejected' };
    }
    if (!pending.question.scopes.includes(scope)) {
      throw new ProtocolError('CONFLICT', 'this call can only be allowed once', { hint: 'It is asked each time.' });
    }
    pending.answering = true;
    try {
      if (scope !== 'once') await this.#remember(pending, scope);
    } finally {
      pending.answering = false;
    }
    await this.#settle(pending, { state: 'allowed', callId, scope }, opId);
    await this.#allowAlike(pending, scope);
    return { state: 'allowed' };
  }

  async rules(workspace: string | undefined): Promise<{ rules: ApprovalRule[] }> {
    const stored = await this.#vault.rules(workspace);
    return {
      rules: stored.map(({ createdAt, sessionId, ...rule }) => ({
        ...rule,
        sessionId,
        scope: sessionId === null ? ('workspace' as const) : ('session' as const),
        createdAt: isoTime(createdAt),
      })),
    };
  }

  async revoke(id: number): Promise<void> {
    await this.#vault.removeRule(id);
  }

  #judge({ mode }: TurnPlace, call: PreparedCall): Judgement {
    return judge(mode(), call);
  }

  async #isRemembered(place: TurnPlace, call: PreparedCall, { scopes }: Judgement): Promise<boolean> {
    if (!scopes.includes('session')) return false;
    const subject = subjectOf(call);
    const rules = await this.#vault.rules(place.workspace);
    return rules.some(
      (rule) =>
        rule.effect === call.effect &&
        rule.subject === subject &&
        (rule.sessionId === null || rule.sessionId === place.sessionId),
    );
  }

  async #ask(asked: Omit<Pending, 'settle' | 'answering'>, isInLog: boolean, signal: AbortSignal): Promise<Verdict> {
    const { callId } = asked;
    const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
    const aborted = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    const pending: Pending = { ...asked, settle: resolve, answering: true };
    this.#pending.set(callId, pending);
    signal.addEventListener('abort', aborted, { once: true });
    try {
      if (!isInLog) await asked.log.write({ state: 'asked', ...asked.question }, undefined);
      pending.answering = false;
      this.expected.come(callId);
      signal.throwIfAborted();
      return await promise;
    } finally {
      // Without a listener nobody would hear of a rejection that comes after an error of the log.
      promise.catch(() => undefined);
      signal.removeEventListener('abort', aborted);
      if (this.#pending.get(callId) === pending) this.#pending.delete(callId);
    }
  }

  async #settle(pending: Pending, change: ApprovalChange, opId: string | undefined): Promise<void> {
    pending.answering = true;
    try {
      await pending.log.write(change, opId);
    } catch (error) {
      pending.answering = false;
      throw error;
    }
    this.#pending.delete(pending.question.callId);
    const state = change.state === 'allowed' ? 'allowed' : 'rejected';
    this.#answered.set(pending.question.callId, { opId: opId ?? '', state });
    const [oldest] = this.#answered.keys();
    if (this.#answered.size > REMEMBERED && oldest !== undefined) this.#answered.delete(oldest);
    pending.settle(change.state === 'rejected' ? rejected(change.reason) : { allowed: true });
  }

  async #remember({ place, call }: Pending, scope: Exclude<ApprovalScope, 'once'>): Promise<void> {
    await this.#vault.addRule({
      workspace: place.workspace,
      sessionId: scope === 'session' ? place.sessionId : null,
      effect: call.effect,
      subject: subjectOf(call),
      createdAt: this.#clock.now(),
    });
  }

  /** What was answered for longer than once may be what others are waiting for too. */
  async #allowAlike({ place, call }: Pending, scope: ApprovalScope): Promise<void> {
    if (scope === 'once') return;
    for (const other of this.#pending.values()) {
      const isAlike =
        other.warning === undefined &&
        other.place.workspace === place.workspace &&
        (scope === 'workspace' || other.place.sessionId === place.sessionId) &&
        other.call.effect === call.effect &&
        subjectOf(other.call) === subjectOf(call) &&
        other.question.scopes.includes(scope);
      if (!isAlike || other.answering) continue;
      await this.#settle(other, { state: 'allowed', callId: other.question.callId, scope }, undefined);
    }
  }

  /** An answer that comes when none is waited for: the same one again, or one that is too late. */
  async #answeredBefore(params: ParamsOf<'approval/answer'>, pending: Pending | undefined): Promise<Answer['state']> {
    const wanted = params.decision === 'allow' ? 'allowed' : 'rejected';
    const known = this.#answered.get(params.callId);
    if (known?.opId === params.opId) return known.state;
    if (pending?.answering === true) {
      throw new ProtocolError('CONFLICT', 'another terminal is answering this call', { retryable: true });
    }
    const last = (await this.#changesOf(params.sessionId, params.callId)).at(-1);
    if (last === undefined) throw new ProtocolError('NOT_FOUND', 'no such call waits for an answer');
    // A daemon before this one may have taken this very answer.
    if (known === undefined && last.state === wanted) return wanted;
    throw new ProtocolError('CONFLICT', lateSentence(last.state));
  }

  async #changesOf(sessionId: string, callId: string): Promise<ApprovalChange[]> {
    const { entries } = await this.#vault.read({ sessionId, limit: TAIL, maxBytes: TAIL_BYTES });
    return entries
      .filter(({ type }) => type === 'approval')
      .map((entry) => JSON.parse(entry.body) as ApprovalChange)
      .filter((change) => change.callId === callId);
  }
}

function questionOf(callId: string, call: PreparedCall, { reasons, scopes }: Judgement): ApprovalQuestion {
  const { name, effect, title, detail } = call;
  return { callId, name, effect, title, detail, reasons: [...reasons], scopes: [...scopes] };
}

function withWarning(judgement: Judgement, warning: string | undefined): Judgement {
  if (warning === undefined) return judgement;
  return { ...judgement, decision: 'ask', reasons: [...judgement.reasons, warning] };
}

/** What became of exactly this question before. */
function answerTo(
  question: ApprovalQuestion,
  before: readonly ApprovalChange[],
): 'asked' | 'allowed' | Verdict | undefined {
  const index = before.findLastIndex((change) => change.state === 'asked');
  const asked = before[index];
  if (asked?.state !== 'asked') return undefined;
  const isSame = asked.title === question.title && asked.detail === question.detail && asked.name === question.name;
  if (!isSame) return undefined;
  const last = before.at(-1);
  if (last?.state === 'allowed') return 'allowed';
  if (last?.state === 'rejected') return rejected(last.reason);
  return last?.state === 'asked' ? 'asked' : undefined;
}

function rejected(reason: string): Verdict {
  const why = reason === '' ? 'The person gave no reason.' : `The person says: ${reason}`;
  return { allowed: false, reason: `Not done: the person rejected this call. ${why}` };
}

function refused({ reasons }: Judgement): Verdict {
  const why = reasons.length === 0 ? '' : ` ${reasons.join(' ')}`;
  return {
    allowed: false,
    reason: `Not done: this needs an answer from a person, and nobody can be asked in this run.${why}`,
  };
}

function lateSentence(state: ApprovalChange['state']): string {
  switch (state) {
    case 'allowed':
      return 'this call was allowed already';
    case 'rejected':
      return 'this call was rejected already';
    case 'asked':
    case 'withdrawn':
      return 'this call cannot be answered any more: its turn does not wait';
  }
}
