/** Which service answers the methods of tools, approvals and agents. */
import type { Briefings } from './agent/briefings.ts';
import type { ApprovalService } from './services/approval-service.ts';
import type { CompactionService } from './services/compaction-service.ts';
import type { Environments } from './services/environments.ts';
import type { VaultPort } from './services/ports.ts';
import type { ToolPort } from './services/tool-port.ts';
import type { TurnRevival } from './services/turn-revival.ts';
import type { UsageService } from './services/usage-service.ts';
import type { ServiceRoutes } from './transport/routes.ts';

export interface ToolServices {
  readonly vault: VaultPort;
  readonly briefings: Briefings;
  readonly tools: ToolPort;
  readonly approvals: ApprovalService;
  readonly environments: Environments;
  readonly revival: TurnRevival;
  readonly compaction: CompactionService;
  readonly usage: UsageService;
}

export type ToolMethod =
  | 'agent/list'
  | 'tool/list'
  | 'environment/offer'
  | 'approval/answer'
  | 'approval/list'
  | 'rule/list'
  | 'rule/revoke'
  | 'call/output'
  | 'session/compact'
  | 'session/usage'
  | 'turn/continue'
  | 'turn/retry'
  | 'turn/leave';

/** Bytes of one page of output. */
const OUTPUT_PAGE = 256 * 1024;

export function toolRoutes(services: ToolServices): Pick<ServiceRoutes, ToolMethod> {
  const { vault, briefings, tools, approvals, environments, revival, compaction, usage } = services;
  return {
    'agent/list': ({ workspace }) => briefings.agents(workspace),
    'tool/list': () =>
      Promise.resolve({ tools: tools.specs().map(({ name, effect, summary }) => ({ name, effect, summary })) }),
    'environment/offer': ({ variables }, { connection }) => {
      environments.offer(connection, variables);
      return Promise.resolve({});
    },
    // A daemon that has just started is about to ask again what its log leaves open.
    'approval/answer': async (params) => {
      await approvals.expected.allHere(params.sessionId);
      return await approvals.answer(params);
    },
    'approval/list': async ({ sessionId }) => {
      await approvals.expected.allHere(sessionId);
      return { approvals: approvals.pending(sessionId) };
    },
    'rule/list': ({ workspace }) => approvals.rules(workspace),
    'rule/revoke': async ({ id }) => {
      await approvals.revoke(id);
      return {};
    },
    'call/output': ({ sessionId, callId, offset }) => vault.readOutput(sessionId, callId, offset ?? 0, OUTPUT_PAGE),
    'session/compact': (params) => compaction.compact(params),
    'session/usage': ({ sessionId }) => usage.ofSession(sessionId),
    'turn/continue': (params) => revival.continue(params),
    'turn/retry': (params) => revival.retry(params),
    'turn/leave': (params) => revival.leave(params),
  };
}
