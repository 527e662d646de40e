/** Where the files of one user, or of one M_DATA_DIR, are. */
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import envPaths from 'env-paths';
import { endpointOf, type Endpoint } from '../../protocol/endpoint.ts';
import {
  checkPrivateDirectory,
  makeDataDirectory,
  makePrivateDirectory,
  ownUid,
  refuseForeignOwner,
  refuseUnwritable,
} from './private-directory.ts';

export interface Locations {
  /** Absolute, with symbolic links resolved: two names of one directory lead to one daemon. */
  readonly dataDirectory: string;
  readonly configFile: string;
  readonly logDirectory: string;
  readonly endpoint: Endpoint;
}

/**
 * Names the directories; creates none.
 *
 * M_DATA_DIR puts everything under one directory and M_CONFIG names the file. Without M_DATA_DIR the platform's own
 * places of this process are used.
 */
export function locate(environment: NodeJS.ProcessEnv = process.env): Locations {
  const chosen = environment['M_DATA_DIR'];
  const platform = chosen ? undefined : envPaths('m', { suffix: '' });
  const dataDirectory = realpathAsFarAsItExists(resolve(chosen || (platform?.data ?? '')));
  const config = environment['M_CONFIG'] || join(platform?.config ?? dataDirectory, 'config.toml');
  return {
    dataDirectory,
    configFile: resolve(config),
    logDirectory: resolve(platform?.log ?? join(dataDirectory, 'logs')),
    endpoint: endpointOf(dataDirectory, ownUid()),
  };
}

/**
 * Makes what a daemon needs and checks what is there.
 * @throws ProtocolError UNSAFE_DIRECTORY or STORAGE_FAILED, with the remedy.
 */
export function prepareDirectories(locations: Locations): void {
  refuseRootInTheHomeOfTheCaller(locations.dataDirectory);
  makeDataDirectory(locations.dataDirectory);
  const { runDirectory, socketDirectory } = locations.endpoint;
  makePrivateDirectory(runDirectory);
  makePrivateDirectory(socketDirectory);
  refuseUnwritable(runDirectory);
  refuseUnwritable(socketDirectory);
  makePrivateDirectory(locations.logDirectory);
}

/**
 * Checks the way to the socket without making anything.
 * @returns false when there is no such way yet.
 * @throws ProtocolError UNSAFE_DIRECTORY, with the remedy.
 */
export function checkWayToSocket(endpoint: Endpoint): boolean {
  return checkPrivateDirectory(endpoint.runDirectory) && checkPrivateDirectory(endpoint.socketDirectory);
}

/** `sudo m` keeps HOME on some systems; the files it made there would lock the user out afterwards. */
function refuseRootInTheHomeOfTheCaller(dataDirectory: string): void {
  const { SUDO_UID } = process.env;
  if (SUDO_UID === undefined || ownUid() !== 0) return;
  const parent = nearestExisting(dataDirectory);
  const owner = statSync(parent).uid;
  if (String(owner) === SUDO_UID) refuseForeignOwner(parent, owner);
}

function realpathAsFarAsItExists(path: string): string {
  const existing = nearestExisting(path);
  const rest = path.slice(existing.length);
  return join(realpathSync(existing), rest);
}

function nearestExisting(path: string): string {
  let candidate = path;
  while (statSync(candidate, { throwIfNoEntry: false }) === undefined && basename(candidate) !== '') {
    candidate = dirname(candidate);
  }
  return candidate;
}
