/** Which protocol and which build this copy of `m` is. */

declare const __M_VERSION__: string | undefined;
declare const __M_BUILD__: string | undefined;
declare const __M_BUILT_AT__: number | undefined;

/** Protocol versions that this build can speak, oldest and newest. */
export const PROTOCOL = { min: 1, max: 1 } as const;
/** The range of whoever uses only the frozen methods, which are the same in every version. */
export const ANY_PROTOCOL = { min: 0, max: Number.MAX_SAFE_INTEGER } as const;

export interface Build {
  /** Release, as in package.json. */
  readonly version: string;
  /** Content hash of everything that was bundled; `source` when run unbundled. */
  readonly id: string;
  /** Milliseconds since the epoch; orders two builds of one release. */
  readonly builtAt: number;
}

/** The build that this code was bundled in. The bundler fills the values in. */
export const BUILD: Build = {
  version: typeof __M_VERSION__ === 'string' ? __M_VERSION__ : '0.0.0-source',
  id: typeof __M_BUILD__ === 'string' ? __M_BUILD__ : 'source',
  builtAt: typeof __M_BUILT_AT__ === 'number' ? __M_BUILT_AT__ : 0,
};

/**
 * Orders two builds by release, then by build time.
 * @returns negative when `a` is older, 0 when neither is older, positive when `a` is newer.
 */
export function compareBuilds(a: Build, b: Build): number {
  const left = releaseNumbers(a.version);
  const right = releaseNumbers(b.version);
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.builtAt - b.builtAt;
}

function releaseNumbers(version: string): number[] {
  return (version.split(/[-+]/, 1)[0] ?? '').split('.').map((part) => Number.parseInt(part, 10) || 0);
}

/**
 * The newest protocol that both sides speak.
 * @returns the version, or undefined when the ranges do not meet.
 */
export function agreeOnProtocol(theirs: { min: number; max: number }): number | undefined {
  const newest = Math.min(PROTOCOL.max, theirs.max);
  return newest >= Math.max(PROTOCOL.min, theirs.min) ? newest : undefined;
}
