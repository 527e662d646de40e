/** The messages between the main thread and the vault thread. */
import type { ErrorKind } from '../../protocol/errors.ts';
import type { VaultPort } from '../services/ports.ts';

/** One call: id, method, arguments. */
export type Call = readonly [id: number, method: keyof VaultPort, args: readonly unknown[]];

/** One answer: id, and either a value or what went wrong. */
export type Answer = readonly [id: number, value: unknown, error?: CallError];

/** How a call ended inside the vault. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

export interface CallError {
  /** INTERNAL for what nobody expected; `stack` is then for the log. */
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly stack?: string;
}

/** What the worker is started with. */
export interface VaultSettings {
  readonly dataDirectory: string;
}

/** Every method of the port, so that a client can be made without knowing how they are done. */
export const VAULT_METHODS: Readonly<Record<keyof VaultPort, true>> = {
  open: true,
  unlock: true,
  lock: true,
  moveKey: true,
  append: true,
  enqueue: true,
  readQueue: true,
  cancelQueued: true,
  lastOfTurn: true,
  endOfTurn: true,
  appendDraft: true,
  readDrafts: true,
  read: true,
  readSave: true,
  head: true,
  listed: true,
  list: true,
  unfinished: true,
  countSessions: true,
  findByPrefix: true,
  setFlag: true,
  fork: true,
  createSave: true,
  listSaves: true,
  save: true,
  countSaves: true,
  deleteSave: true,
  deleteSession: true,
  verify: true,
  verifyRest: true,
  setSecret: true,
  secret: true,
  environment: true,
  appendOutput: true,
  readOutput: true,
  recordProcess: true,
  forgetProcess: true,
  processes: true,
  addRule: true,
  rules: true,
  removeRule: true,
  workspaceKey: true,
  workspaceKeys: true,
  workspaceDirectories: true,
  relinkWorkspace: true,
  removeWorkspaceKey: true,
  addHistory: true,
  history: true,
  close: true,
};

/** A port whose methods all go through one function. */
export function portOf(call: (method: keyof VaultPort, args: readonly unknown[]) => Promise<unknown>): VaultPort {
  const names = Object.keys(VAULT_METHODS) as (keyof VaultPort)[];
  const methods = names.map((name) => [name, (...args: unknown[]) => call(name, args)] as const);
  return Object.fromEntries(methods) as unknown as VaultPort;
}
