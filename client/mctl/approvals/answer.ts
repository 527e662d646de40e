/** `mctl approvals answer` */
import { usageError } from '../../command-line/failure.ts';
import type { Client } from '../../connection/api.ts';
import type { ApprovalQuestion, ApprovalScope } from '../../../protocol/tool.ts';
import { findSession } from '../sessions/find.ts';
import type { Verb } from '../verb.ts';

interface AnswerOptions {
  readonly json?: boolean;
  readonly scope?: string;
  readonly reason?: string;
}

const SCOPES: readonly ApprovalScope[] = ['once', 'session', 'workspace'];

export const answer: Verb<AnswerOptions> = async ({ context, args, options }) => {
  const [reference = '', call = '', word = ''] = args;
  const decision = readDecision(word);
  const scope = readScope(options.scope);
  if (decision === 'reject' && scope !== undefined) throw usageError('--scope is for allow');
  if (decision === 'allow' && options.reason !== undefined) throw usageError('--reason is for reject');
  const client = await context.connectUnlocked();
  const { id: sessionId } = await findSession(client, context, reference);
  const callId = await findCall(client, sessionId, call);
  const { state } = await client.call('approval/answer', {
    opId: client.newOpId(),
    sessionId,
    callId,
    decision,
    ...(scope === undefined ? {} : { scope }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  });
  context.result({ sessionId, callId, state }, `${state}: ${callId}`);
};

function readDecision(word: string): 'allow' | 'reject' {
  if (word === 'allow' || word === 'reject') return word;
  throw usageError(`the answer is allow or reject, not ${word}`);
}

function readScope(text: string | undefined): ApprovalScope | undefined {
  if (text === undefined) return undefined;
  const known = SCOPES.find((scope) => scope === text);
  if (known !== undefined) return known;
  throw usageError(`--scope takes ${SCOPES.join(', ')}, not ${text}`);
}

/** The call that begins so among those that are asked about; what was given, for the daemon to judge, when there is none. */
async function findCall(client: Client, sessionId: string, beginning: string): Promise<string> {
  const { approvals } = await client.call('approval/list', { sessionId });
  const found = approvals.map(({ question }) => question).filter(isMeant(beginning));
  if (found.length > 1) throw usageError(`${beginning} may be ${found.map(({ callId }) => callId).join(' or ')}`);
  return found[0]?.callId ?? beginning;
}

function isMeant(beginning: string): (question: ApprovalQuestion) => boolean {
  return ({ callId }) => callId.toLowerCase().startsWith(beginning.toLowerCase());
}
