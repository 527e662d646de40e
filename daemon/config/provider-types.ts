/** The formats in which servers of models are spoken to, and the public server that a format belongs to. */

export const PROVIDER_TYPES = ['openai-compatible', 'anthropic', 'google'] as const;
export type ProviderType = (typeof PROVIDER_TYPES)[number];

interface PublicServer {
  readonly baseUrl: string;
  /** The variable that this company tells its users to keep the key in. */
  readonly keyVariable: string;
}

const PUBLIC_SERVERS: Readonly<Record<ProviderType, PublicServer | undefined>> = {
  'openai-compatible': undefined,
  anthropic: { baseUrl: 'https://api.anthropic.com/v1', keyVariable: 'ANTHROPIC_API_KEY' },
  google: { baseUrl: 'https://generativelanguage.googleapis.com/v1beta', keyVariable: 'GEMINI_API_KEY' },
};

/** Whether a provider of this type must say where its server is. */
export function needsAddress(type: ProviderType): boolean {
  return PUBLIC_SERVERS[type] === undefined;
}

/**
 * Where a provider is, and which variable holds its key.
 *
 * The usual variable is read for the public server alone: the key in it was made for that one, and must not go to
 * another server because of a line that only names an address.
 */
export function placeOf(
  type: ProviderType,
  address: string | undefined,
  variable: string | undefined,
): { baseUrl: string; keyVariable: string | undefined } {
  const server = PUBLIC_SERVERS[type];
  const given = address?.replace(/\/+$/, '');
  if (server === undefined) return { baseUrl: given ?? '', keyVariable: variable };
  // Other programs name this server without the version at the end.
  const baseUrl = given === undefined || given === new URL(server.baseUrl).origin ? server.baseUrl : given;
  const isPublic = new URL(baseUrl).origin === new URL(server.baseUrl).origin;
  return { baseUrl, keyVariable: variable ?? (isPublic ? server.keyVariable : undefined) };
}
