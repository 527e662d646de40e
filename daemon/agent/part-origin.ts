/** Remembers with a part of a reply which model wrote it and what that model wants back, and tells nobody else. */
import type { SharedV4ProviderMetadata } from '@ai-sdk/provider';

/** Who wrote a part: a configured provider, which is a name and a server, and one of its models. */
export interface Origin {
  readonly provider: string;
  /** The address: a name may be given to another server later. */
  readonly server: string;
  readonly model: string;
}

/** What a model wants back with a part, as the library for its format gave it: a signature, say. */
export type Kept = SharedV4ProviderMetadata;

/** In the form that is stored with the part. */
export function storedOrigin(origin: Origin, kept: Kept | undefined): Record<string, unknown> {
  const { provider, server, model } = origin;
  return { [provider]: { server, model, ...(kept === undefined ? {} : { kept }) } };
}

/**
 * What is kept with a part for this model; empty when the part is this model's and nothing is kept.
 *
 * @returns undefined when another model wrote the part, or nobody knows which: signatures are worth nothing elsewhere,
 * and what one company's model thought is not for another company.
 */
export function keptFor(origin: Origin, stored: Readonly<Record<string, unknown>> | undefined): Kept | undefined {
  const entry = stored !== undefined && Object.hasOwn(stored, origin.provider) ? stored[origin.provider] : undefined;
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { server, model, kept } = entry as { server?: unknown; model?: unknown; kept?: unknown };
  if (server !== origin.server || model !== origin.model) return undefined;
  return typeof kept === 'object' && kept !== null ? (kept as Kept) : {};
}
