/** Says in a sentence which field of a request is wrong; the schema library itself says only that something is. */
import * as z from 'zod/mini';
import { ProtocolError } from '../../protocol/errors.ts';

type Issue = z.core.$ZodIssue;

/**
 * The params of a request as its schema wants them.
 * @throws ProtocolError INVALID_PARAMS naming the first field that is wrong. The value itself is not repeated.
 */
export function parseParams<S extends z.ZodMiniType>(schema: S, params: unknown): z.infer<S> {
  const parsed = z.safeParse(schema, params ?? {});
  if (parsed.success) return parsed.data;
  throw new ProtocolError('INVALID_PARAMS', describeIssue(parsed.error.issues[0]));
}

/** `target.workspace must be a string`, and the like. */
function describeIssue(issue: Issue | undefined): string {
  if (issue === undefined) return 'the params are not valid';
  const name = issue.path.length === 0 ? 'params' : issue.path.map(String).join('.');
  switch (issue.code) {
    case 'invalid_type':
      return `${name} must be ${article(issue.expected)}`;
    case 'unrecognized_keys':
      return `${name} has the unknown field ${issue.keys.map((key) => key.slice(0, 40)).join(', ')}`;
    case 'invalid_value':
      return `${name} must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_big':
      return `${name} must ${bound(issue.origin, 'at most', issue.maximum)}`;
    case 'too_small':
      return `${name} must ${bound(issue.origin, 'at least', issue.minimum)}`;
    case 'invalid_union':
      return `${name} has none of the forms that are allowed`;
    case 'invalid_format':
      return `${name} does not have the form that is wanted`;
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
      return `${name} is not valid`;
  }
}

function bound(origin: string, side: string, limit: number | bigint): string {
  if (origin === 'string') return `have ${side} ${limit} characters`;
  if (origin === 'array' || origin === 'set') return `have ${side} ${limit} items`;
  return `be ${side} ${limit}`;
}

function article(expected: string): string {
  if (expected === 'int') return 'a whole number';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}
