/** Methods about what happens in a session: turns, questions about tool calls, remembered answers, output. */
import { Done } from './admin.ts';
import { method } from './method-spec.ts';
import {
  ApprovalAnswerParams,
  ApprovalAnswerResult,
  ApprovalListParams,
  ApprovalListResult,
  CallOutputParams,
  CallOutputResult,
  RuleListParams,
  RuleListResult,
  RuleRevokeParams,
} from './tool.ts';
import {
  TurnCancelParams,
  TurnCancelResult,
  TurnContinueParams,
  TurnLeaveParams,
  TurnPlace,
  TurnRetryParams,
  TurnSubmitParams,
  TurnSubmitResult,
} from './turn.ts';

export const WORK_METHODS = {
  'turn/submit': method(TurnSubmitParams, TurnSubmitResult, {
    summary: 'Accepts a prompt durably; the turn runs when its place in the session’s queue comes.',
    errors: ['NOT_FOUND', 'MODEL_UNKNOWN', 'PROVIDER_KEY_MISSING', 'CONFIG_INVALID', 'CONFLICT', 'STORAGE_FULL'],
    effect: 'op',
  }),

  'turn/cancel': method(TurnCancelParams, TurnCancelResult, {
    summary: 'Cancels a running or waiting turn.',
    errors: ['NOT_FOUND'],
    effect: 'set',
  }),

  'turn/continue': method(TurnContinueParams, TurnPlace, {
    summary:
      'Goes on with the newest turn, which was interrupted, has failed or was cancelled, from its last finished step.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
  }),

  'turn/retry': method(TurnRetryParams, TurnPlace, {
    summary: 'Gives the prompt of the newest turn again; what came of it before is no longer sent to the model.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
  }),

  'turn/leave': method(TurnLeaveParams, TurnPlace, {
    summary: 'Leaves an interrupted turn as it is and goes on with what waits behind it.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
  }),

  'approval/answer': method(ApprovalAnswerParams, ApprovalAnswerResult, {
    summary: 'Answers whether a tool call may take effect. The first answer holds; later ones are a CONFLICT.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
    admin: true,
  }),

  'approval/list': method(ApprovalListParams, ApprovalListResult, {
    summary: 'Calls that wait for an answer.',
    errors: [],
    effect: 'read',
    admin: true,
  }),

  'rule/list': method(RuleListParams, RuleListResult, {
    summary: 'Answers that were given for longer than one call.',
    errors: [],
    effect: 'read',
    admin: true,
  }),

  'rule/revoke': method(RuleRevokeParams, Done, {
    summary: 'Takes such an answer back; from now on it is asked again.',
    errors: ['NOT_FOUND'],
    effect: 'set',
    admin: true,
  }),

  'call/output': method(CallOutputParams, CallOutputResult, {
    summary: 'A page of the whole output of a tool call of which the model was given a part.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
  }),
} as const;
