/** Turns what a model wrote into the arguments of a tool, or says what is wrong with them. */
import * as z from 'zod/mini';
import { ToolRefusal } from '../services/tool-port.ts';

/** @throws ToolRefusal that names every argument that is missing, unknown or of the wrong kind. */
export function parseArguments<T extends z.core.$ZodType>(tool: string, schema: T, args: unknown): z.output<T> {
  const parsed = z.safeParse(schema, args, { reportInput: true });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(problemOf);
  throw new ToolRefusal(`${tool} does not understand its arguments: ${problems.join('; ')}`);
}

function problemOf(issue: z.core.$ZodIssue): string {
  const where = issue.path.length === 0 ? 'they' : issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return `there is no ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_type')
    return issue.input === undefined ? `${where} is missing` : `${where} must be ${expected(issue.expected)}`;
  if (issue.code === 'too_small') return `${where} must be at least ${issue.minimum}${unit(issue.origin)}`;
  if (issue.code === 'too_big') return `${where} must be at most ${issue.maximum}${unit(issue.origin)}`;
  return `${where} cannot be used`;
}

function unit(origin: string): string {
  return origin === 'string' ? ' characters long' : '';
}

function expected(type: string): string {
  return type === 'int' ? 'a whole number' : `of type ${type}`;
}
