/** A vault in this thread on a temporary directory, for tests of what is stored. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { ProtocolError } from '../../protocol/errors.ts';
import { portOf, type Answer } from '../../daemon/vault/calls.ts';
import { Vault } from '../../daemon/vault/vault.ts';
import type { AppendRequest, NewEntry, VaultPort } from '../../daemon/services/ports.ts';

export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'm-'));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** A vault that is not yet open. Calls of one tick run as one group, as they do in the worker. */
export function directVault(dataDirectory: string): VaultPort {
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const vault = new Vault(dataDirectory, ([id, value, error]: Answer) => {
    const call = pending.get(id);
    pending.delete(id);
    if (error === undefined) call?.resolve(value);
    else if (error.stack !== undefined) call?.reject(new Error(error.stack));
    else call?.reject(new ProtocolError(error.kind, error.message, { hint: error.hint, retryable: error.retryable }));
  });
  let lastId = 0;
  let batch: [number, keyof VaultPort, readonly unknown[]][] = [];
  return portOf((method, args) => {
    lastId += 1;
    const id = lastId;
    if (batch.length === 0) {
      queueMicrotask(() => {
        const calls = batch;
        batch = [];
        vault.run(calls);
      });
    }
    batch.push([id, method, args]);
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
    });
  });
}

export async function openedVault(dataDirectory: string): Promise<VaultPort> {
  const vault = directVault(dataDirectory);
  const { key } = await vault.open({ provider: 'keyfile' });
  if (key.state !== 'unlocked') throw new Error(`vault is ${key.state}: ${key.reason}`);
  return vault;
}

export function messageEntry(turn: number, role: 'user' | 'assistant', text: string, at = Date.now()): NewEntry {
  return {
    type: 'message',
    turn,
    at,
    body: JSON.stringify({ role, parts: [{ type: 'text', text }] }),
    isMessage: true,
  };
}

export function turnEntry(turn: number, state: string, at = Date.now()): NewEntry {
  return { type: 'turn', turn, at, body: JSON.stringify({ state }), isMessage: false };
}

/** A request that creates a session with one finished turn. */
export function firstTurn(text: string, options: { workspace?: string; title?: string } = {}): AppendRequest {
  return {
    opId: ulid(),
    sessionId: ulid(),
    entries: [
      messageEntry(1, 'user', text),
      turnEntry(1, 'running'),
      messageEntry(1, 'assistant', `answer to ${text}`),
      turnEntry(1, 'completed'),
    ],
    patch: { turns: 1, usage: { inputTokens: 3, outputTokens: 5 } },
    create: { workspace: options.workspace ?? '/w', model: 'demo/offline', title: options.title ?? text },
  };
}

/** A request that adds one finished turn. */
export function nextTurn(sessionId: string, turn: number, text: string): AppendRequest {
  return {
    opId: ulid(),
    sessionId,
    entries: [
      messageEntry(turn, 'user', text),
      turnEntry(turn, 'running'),
      messageEntry(turn, 'assistant', `answer to ${text}`),
      turnEntry(turn, 'completed'),
    ],
    patch: { turns: turn },
  };
}
