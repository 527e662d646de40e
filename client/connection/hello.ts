/** What a client says of itself in its first frame. */
import type { InitializeParams } from '../../protocol/admin.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyProvider, KeyWish } from '../../protocol/key.ts';
import { BUILD, PROTOCOL } from '../../protocol/version.ts';
import { timeZone } from './time-zone.ts';

const KEY_PROVIDERS: readonly string[] = ['keychain', 'keyfile', 'passphrase'] satisfies KeyProvider[];

/** What it takes to reach a keychain from a process that does not live in the user's desktop session. */
export const DESKTOP_VARIABLES = [
  'DBUS_SESSION_BUS_ADDRESS',
  'XDG_RUNTIME_DIR',
  'XDG_DATA_HOME',
  'XDG_CONFIG_HOME',
  'DISPLAY',
  'WAYLAND_DISPLAY',
] as const;

export interface HelloOptions {
  readonly kind: InitializeParams['client']['kind'];
  readonly allowKeyfile: boolean;
  /** Default false. */
  readonly onlyLooks?: boolean;
  readonly environment: NodeJS.ProcessEnv;
  /** Whether a person sits in front of this process. */
  readonly terminal: boolean;
  /** As `process.platform`, which is the default. */
  readonly platform?: NodeJS.Platform;
}

/** @throws ProtocolError CONFIG_INVALID when M_KEY_PROVIDER names no provider. */
export function makeHello(options: HelloOptions): InitializeParams {
  return { ...introduce(options), key: makeKeyWish(options) };
}

/** The hello of a client that does not care about the store. */
export function introduce(options: Pick<HelloOptions, 'kind' | 'environment'>): InitializeParams {
  return {
    protocol: { ...PROTOCOL },
    client: { name: options.kind === 'mctl' ? 'mctl' : 'm', kind: options.kind, build: { ...BUILD }, pid: process.pid },
    timeZone: timeZone(options.environment),
  };
}

function makeKeyWish(options: HelloOptions): KeyWish {
  const { allowKeyfile, onlyLooks, environment, terminal } = options;
  const provider = readKeyProvider(environment['M_KEY_PROVIDER']);
  const display = hasDisplay(environment, options.platform ?? process.platform);
  return {
    ...(provider === undefined ? {} : { provider }),
    ...(onlyLooks === true ? { create: false } : {}),
    allowKeyfile,
    environment: pick(environment, DESKTOP_VARIABLES),
    interactive: terminal && display,
  };
}

/** Whether the keychain can show a question where the person sits. A Mac shows none to somebody who came over SSH. */
function hasDisplay(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): boolean {
  if (platform === 'darwin') return !(environment['SSH_CONNECTION'] || environment['SSH_TTY']);
  return Boolean(environment['DISPLAY'] || environment['WAYLAND_DISPLAY']);
}

/** @throws ProtocolError CONFIG_INVALID when the value of M_KEY_PROVIDER names no provider. */
export function readKeyProvider(value: string | undefined): KeyProvider | undefined {
  if (value === undefined || value === '') return undefined;
  if (!KEY_PROVIDERS.includes(value)) {
    throw new ProtocolError('CONFIG_INVALID', `M_KEY_PROVIDER is ${JSON.stringify(value)}, which is no key provider`, {
      hint: `Use one of ${KEY_PROVIDERS.join(', ')}, or unset it.`,
    });
  }
  return value as KeyProvider;
}

/** The variables among `names` that are set and not empty. */
export function pick(environment: NodeJS.ProcessEnv, names: Iterable<string>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined && value !== '') found[name] = value;
  }
  return found;
}
