/** Looks for API keys and passwords in a configuration, so that they are refused before anything else is said. */
import { isSecretName, isSecretValue } from './secrets.ts';
import { isHeaderRefused } from './settings.ts';

export interface Finding {
  readonly path: readonly string[];
  readonly key: string;
  readonly what: string;
  readonly remedy: string;
}

/** Everything that looks like a secret in a tree of TOML values. The findings never quote a value. */
export function findSecrets(tree: Readonly<Record<string, unknown>>): Finding[] {
  const findings: Finding[] = [];
  visit(tree, [], findings);
  return findings;
}

/** What is wrong with a secret at a path. */
export function secretFinding(path: readonly string[]): Finding {
  return {
    path,
    key: path.join('.'),
    what: 'would keep a secret in a plain file',
    remedy: `Remove the line and store the key encrypted: mctl config set-key ${providerOf(path)}`,
  };
}

/** Whether a setting at this path, with this value, would hold a secret. */
export function isSecretSetting(path: readonly string[], value: unknown): boolean {
  const name = path.at(-1) ?? '';
  const isHeader = path.length === 4 && path[0] === 'providers' && path[2] === 'headers';
  if (isHeader ? isHeaderRefused(name) : path.length !== 2 && isSecretName(name)) return true;
  return typeof value === 'string' && isSecretValue(value);
}

function visit(value: unknown, path: readonly string[], findings: Finding[]): void {
  if (path.length > 0 && isSecretSetting(path, value)) {
    findings.push(secretFinding(path));
    return;
  }
  if (typeof value !== 'object' || value === null || path.length > 8) return;
  for (const key of Object.keys(value)) visit((value as Record<string, unknown>)[key], [...path, key], findings);
}

function providerOf(path: readonly string[]): string {
  const name = path[0] === 'providers' && path.length > 2 ? path[1] : undefined;
  return name !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(name) ? name : '<provider>';
}
