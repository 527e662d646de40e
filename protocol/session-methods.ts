/** Methods about sessions and saves. */
import { Done, Nothing } from './admin.ts';
import { SessionAttachParams, SessionAttachResult } from './event.ts';
import { method } from './method-spec.ts';
import {
  CatalogRow,
  SaveCreateParams,
  SaveDeleteParams,
  SaveDeleteResult,
  SaveMessagesParams,
  SaveResult,
  SessionCatalogParams,
  SessionCatalogResult,
  SessionCompactResult,
  SessionConfigureParams,
  SessionDeleteParams,
  SessionDeleteResult,
  SessionFlagParams,
  SessionForkParams,
  SessionListParams,
  SessionListResult,
  SessionMessagesParams,
  SessionMessagesResult,
  SessionRef,
  SessionRenameParams,
  SessionResolveParams,
  SessionResult,
  SessionUsageResult,
  SessionVerifyResult,
} from './session.ts';

const CHECK = { effect: 'read', admin: true, deadlineMs: 120_000 } as const;

export const SESSION_METHODS = {
  'session/list': method(SessionListParams, SessionListResult, {
    summary: 'Sessions, most recently changed first, filtered and paged.',
    errors: ['INVALID_PARAMS'],
    effect: 'read',
    admin: true,
  }),

  'session/catalog': method(SessionCatalogParams, SessionCatalogResult, {
    summary: 'What `/sessions` shows: `_autosave`, saves newest first, then the other sessions.',
    errors: [],
    effect: 'read',
  }),

  'session/resolve': method(SessionResolveParams, CatalogRow, {
    summary: 'Finds what a person means by `_autosave`, a save id, a session id, or a unique prefix.',
    errors: ['NOT_FOUND', 'AMBIGUOUS'],
    effect: 'read',
    admin: true,
  }),

  'session/watch': method(Nothing, Done, {
    summary: 'Subscribes this connection to changes of the list of sessions, told as notifications `list`.',
    errors: [],
    effect: 'set',
    admin: true,
  }),

  'session/unwatch': method(Nothing, Done, {
    summary: 'Ends the subscription to the list.',
    errors: [],
    effect: 'set',
    admin: true,
  }),

  'session/get': method(SessionRef, SessionResult, {
    summary: 'One session.',
    errors: ['NOT_FOUND'],
    effect: 'read',
    admin: true,
  }),

  'session/messages': method(SessionMessagesParams, SessionMessagesResult, {
    summary: 'A page of the messages of a session.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
  }),

  'session/attach': method(SessionAttachParams, SessionAttachResult, {
    summary: 'Subscribes this connection to a session, from a cursor or with the newest events.',
    errors: ['NOT_FOUND', 'CURSOR_GONE', 'TAMPERED'],
    effect: 'set',
  }),

  'session/detach': method(SessionRef, Done, {
    summary: 'Ends the subscription. Nothing that runs is stopped.',
    errors: [],
    effect: 'set',
  }),

  'session/fork': method(SessionForkParams, SessionResult, {
    summary: 'A new session that shares the log of another one up to the end of a turn.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
    admin: true,
  }),

  'session/rename': method(SessionRenameParams, SessionResult, {
    summary: 'Gives a session another title.',
    errors: ['NOT_FOUND'],
    effect: 'op',
    admin: true,
  }),

  'session/configure': method(SessionConfigureParams, SessionResult, {
    summary: 'Changes the model, mode or agent of a session from its next turn on; a mode holds at once.',
    errors: ['NOT_FOUND', 'MODEL_UNKNOWN'],
    effect: 'op',
  }),

  'session/pin': method(SessionFlagParams, SessionResult, {
    summary: 'Pins or unpins a session.',
    errors: ['NOT_FOUND'],
    effect: 'op',
    admin: true,
  }),

  'session/archive': method(SessionFlagParams, SessionResult, {
    summary: 'Archives a session or brings it back.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
    admin: true,
  }),

  'session/delete': method(SessionDeleteParams, SessionDeleteResult, {
    summary: 'Deletes a session for good: its rows and the keys that could read them.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
    admin: true,
    deadlineMs: 120_000,
  }),

  'session/compact': method(SessionRef, SessionCompactResult, {
    summary: 'Has the model sum up the conversation, and sends the summary instead from now on. Nothing is removed.',
    errors: ['NOT_FOUND', 'CONFLICT', 'MODEL_UNKNOWN', 'PROVIDER_KEY_MISSING', 'UNREACHABLE', 'REFUSED'],
    effect: 'once',
    deadlineMs: 600_000,
  }),

  'session/usage': method(SessionRef, SessionUsageResult, {
    summary: 'Tokens and cost of a session by model.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
  }),

  'session/verify': method(SessionRef, SessionVerifyResult, {
    summary: 'Checks every entry of a session against its keys, chain and head.',
    errors: ['NOT_FOUND'],
    ...CHECK,
  }),

  'store/verify': method(Nothing, SessionVerifyResult, {
    summary:
      'Checks what belongs to no session: saves that outlived theirs, provider keys, typed lines, approvals, lost rows.',
    errors: [],
    ...CHECK,
  }),

  'save/create': method(SaveCreateParams, SaveResult, {
    summary: 'Marks the current point of a session under a name.',
    errors: ['NOT_FOUND', 'EMPTY'],
    effect: 'op',
  }),

  'save/messages': method(SaveMessagesParams, SessionMessagesResult, {
    summary: 'A page of the messages up to a save, from its end backwards.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
  }),

  'save/delete': method(SaveDeleteParams, SaveDeleteResult, {
    summary: 'Removes a save; its session stays.',
    errors: ['NOT_FOUND'],
    effect: 'op',
    admin: true,
  }),
} as const;
