/** Where the key of what is kept of a workspace comes from. */
import type { KeyObject } from 'node:crypto';

export interface WorkspaceKey {
  /** Name of the directory for it, 32 hexadecimal digits: random, so that it tells nothing. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: KeyObject;
}

/** Part of the vault's port. */
export interface WorkspaceKeyPort {
  /**
   * The key of a workspace, made durably the first time it is asked for; the same ever after.
   * @param path realpath of the workspace.
   * @throws ProtocolError TAMPERED when it was changed in the store.
   */
  workspaceKey(path: string): Promise<WorkspaceKey>;
  /** Every workspace that has a key. One whose key does not verify is left out. */
  workspaceKeys(): Promise<{ path: string; id: string }[]>;
  /** Names of all directories that belong to a key, also to one that does not verify. */
  workspaceDirectories(): Promise<string[]>;
  /** Of a workspace of which nothing is kept any more; its path goes too when nothing else names it. */
  removeWorkspaceKey(path: string): Promise<void>;
  /**
   * A directory was moved: its sessions, its saves and the key of its snapshots belong to the new path. Its rules go.
   * @returns ids of the sessions.
   * @throws ProtocolError NOT_FOUND when nothing is known of the old path, CONFLICT when both have a key, TAMPERED
   */
  relinkWorkspace(from: string, to: string): Promise<string[]>;
}
