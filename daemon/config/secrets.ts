/** Recognises API keys and passwords that were about to be kept in a plain file. */

const SECRET_NAME =
  /(^|[_.-])(api[_-]?key|key|token|secret|password|passwd|passphrase|credentials?|authorization|bearer)s?$/i;
const SECRET_HEADER = /auth|cookie|key|token|secret|passw|credential|session/i;

/** Beginnings that the keys of well-known services have. */
const KEY_PREFIX =
  /^(sk|pk|rk|gsk|csk|xai|hf|nvapi|pplx|fw|r8|tgp|ghp|gho|github_pat|glpat|key)[-_][A-Za-z0-9_-]{12,}$|^AIza[A-Za-z0-9_-]{20,}$|^AKIA[A-Z0-9]{12,}$|^eyJ[A-Za-z0-9_-]{10,}\./;
const AUTH_SCHEME = /^(bearer|basic|token|apikey)\s+\S+/i;

/** One holds the name of a variable, the other counts tokens of another kind. */
const HARMLESS_NAMES = ['api_key_env', 'max_output_tokens'];

/** Whether a setting of this name would hold a secret. */
export function isSecretName(name: string): boolean {
  return !HARMLESS_NAMES.includes(name) && SECRET_NAME.test(name);
}

/** Whether an HTTP header of this name usually carries a secret. */
export function isSecretHeader(name: string): boolean {
  return SECRET_HEADER.test(name);
}

/** Whether a text begins like the key of a known service or like the value of an Authorization header. */
export function isSecretValue(value: string): boolean {
  return KEY_PREFIX.test(value.trim()) || AUTH_SCHEME.test(value.trim());
}

/** Whether a text looks random enough to be a key: long, in one piece, letters and digits mixed. */
export function looksRandom(value: string): boolean {
  return /^[A-Za-z0-9_+/=.-]{24,}$/.test(value) && /[a-z]/i.test(value) && (value.match(/\d/g)?.length ?? 0) >= 4;
}
