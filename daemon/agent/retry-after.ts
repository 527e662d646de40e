/** Reads from the headers of a refusal how long a server wants to be left alone. */

const DAY_MS = 86_400_000;

/**
 * Milliseconds to wait, between 0 and one day; undefined when the server does not say.
 * `Retry-After` comes first; otherwise the limits that are used up count, and of several the one that lasts longest.
 *
 * @param headers By lower-case name.
 * @param now Milliseconds since the epoch.
 * @param options.withLimits False when the refusal is not about limits: they are in the headers of every answer.
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  now: number,
  options: { withLimits: boolean },
): number | undefined {
  const exact = Number(headers['retry-after-ms'] || Number.NaN);
  if (Number.isFinite(exact)) return bounded(exact);
  const asked = headers['retry-after'] === undefined ? undefined : parseMoment(headers['retry-after'], now);
  if (asked !== undefined) return bounded(asked);
  if (!options.withLimits) return undefined;
  const resets = Object.keys(headers).filter((name) => /ratelimit.*reset/.test(name));
  const usedUp = resets.filter((name) => Number(headers[name.replace('reset', 'remaining')] || Number.NaN) === 0);
  const waits = (usedUp.length > 0 ? usedUp : resets).map((name) => parseMoment(headers[name] ?? '', now));
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : bounded(Math.max(...known));
}

/** Seconds, a duration such as `1m30.5s`, an HTTP or ISO date, or seconds or milliseconds since the epoch. */
function parseMoment(value: string, now: number): number | undefined {
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    if (number >= 1e12) return number - now;
    return number >= 1e9 ? number * 1000 - now : number * 1000;
  }
  const duration = /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/.exec(text);
  if (text !== '' && duration !== null) {
    const [hours, minutes, seconds, milliseconds] = duration.slice(1).map((part) => Number(part ?? 0));
    return (hours ?? 0) * 3_600_000 + (minutes ?? 0) * 60_000 + (seconds ?? 0) * 1000 + (milliseconds ?? 0);
  }
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}

function bounded(milliseconds: number): number {
  return Math.round(Math.min(Math.max(milliseconds, 0), DAY_MS));
}
