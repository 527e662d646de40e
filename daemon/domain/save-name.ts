/** Ids of saves: the time in the client's zone, and a cleaned name. */
import { firstCharacters } from './characters.ts';

const MAX_NAME_LENGTH = 60;

/**
 * The name as it becomes part of an id: letters, digits, `.`, `_` and `-` of any script stay; every run of anything else
 * becomes one `-`; `-`, `.` and `_` at either end go; at most 60 characters. What is left of a name without a single
 * letter or digit is nothing.
 */
export function cleanSaveName(name: string): string {
  const cleaned = name
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replaceAll(/-{2,}/g, '-');
  return trimEnds(firstCharacters(trimEnds(cleaned), MAX_NAME_LENGTH));
}

function trimEnds(text: string): string {
  return text.replaceAll(/^[-._]+|[-._]+$/g, '');
}

/**
 * `YYYY-MM-DD_HH-MM[_name]`.
 * @param at milliseconds since the epoch.
 * @param timeZone IANA name; one that this system does not know is taken as UTC.
 */
export function saveId(at: number, timeZone: string, name: string | undefined): string {
  const cleaned = cleanSaveName(name ?? '');
  return cleaned === '' ? localMinute(at, timeZone) : `${localMinute(at, timeZone)}_${cleaned}`;
}

function localMinute(at: number, timeZone: string): string {
  const parts = new Map(
    formatter(timeZone)
      .formatToParts(at)
      .map((part) => [part.type, part.value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  return `${part('year')}-${part('month')}-${part('day')}_${part('hour')}-${part('minute')}`;
}

function formatter(timeZone: string): Intl.DateTimeFormat {
  const options: Intl.DateTimeFormatOptions = {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  };
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
  }
}
