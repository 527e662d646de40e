/** What the tools are that work on files. */
import type { ToolSpec } from '../../services/tool-port.ts';
import { DEFAULT_LINES, MAX_MATCHES, MAX_PATHS } from './limits.ts';

const PATH = {
  type: 'string',
  description: 'Relative to the workspace, absolute, or from ~.',
};
const ALL = {
  type: 'boolean',
  description: 'Also what .gitignore, .ignore and .git/info/exclude leave out. Default false.',
};

export const FILE_SPECS = {
  read: {
    name: 'read',
    effect: 'read',
    summary: 'Read a file or an image',
    description:
      'Reads a text file, as numbered lines, or an image (PNG, JPEG, GIF, WebP). Long lines and long files are cut, and the answer says so and how to go on. Other binary files are refused.',
    schema: {
      type: 'object',
      properties: {
        path: PATH,
        offset: { type: 'integer', minimum: 1, description: 'First line, counted from 1. Default 1.' },
        limit: {
          type: 'integer',
          minimum: 1,
          maximum: DEFAULT_LINES,
          description: `Number of lines. Default ${DEFAULT_LINES}.`,
        },
      },
      required: ['path'],
      additionalProperties: false,
    },
  },
  write: {
    name: 'write',
    effect: 'edit',
    summary: 'Make a file or replace it as a whole',
    description:
      'Makes a file, with the directories above it, or replaces the whole content of one. A file that exists must have been read in this session and not have changed since. To change a part of a file use edit.',
    schema: {
      type: 'object',
      properties: { path: PATH, content: { type: 'string', description: 'The whole content.' } },
      required: ['path', 'content'],
      additionalProperties: false,
    },
  },
  edit: {
    name: 'edit',
    effect: 'edit',
    summary: 'Replace text in a file',
    description:
      'Replaces text in a file. `old` must occur exactly once, so give enough of what surrounds it, without line numbers; or set `all`. White space counts. CRLF line endings and a byte order mark are kept.',
    schema: {
      type: 'object',
      properties: {
        path: PATH,
        old: { type: 'string', minLength: 1, description: 'The text that is there, exactly.' },
        new: { type: 'string', description: 'The text that replaces it.' },
        all: { type: 'boolean', description: 'Replace every occurrence. Default false.' },
      },
      required: ['path', 'old', 'new'],
      additionalProperties: false,
    },
  },
  list: {
    name: 'list',
    effect: 'read',
    summary: 'List a directory',
    description: `Lists one directory, with sizes; up to ${MAX_PATHS} entries. Ignored entries are only counted.`,
    schema: {
      type: 'object',
      properties: { path: { ...PATH, description: `${PATH.description} Default: the workspace.` }, all: ALL },
      additionalProperties: false,
    },
  },
  glob: {
    name: 'glob',
    effect: 'read',
    summary: 'Find files by name',
    description: `Finds files by a pattern with *, ?, [abc], {a,b} and ** for any directories. A pattern without a slash is looked for at any depth. Returns up to ${MAX_PATHS} paths, in order.`,
    schema: {
      type: 'object',
      properties: {
        pattern: { type: 'string', description: 'For example src/**/*.ts' },
        path: { ...PATH, description: `Directory to begin in. ${PATH.description} Default: the workspace.` },
        all: ALL,
      },
      required: ['pattern'],
      additionalProperties: false,
    },
  },
  grep: {
    name: 'grep',
    effect: 'read',
    summary: 'Search in files',
    description: `Searches the lines of files for a JavaScript regular expression. Returns up to ${MAX_MATCHES} lines with path and number. Binary files are left out.`,
    schema: {
      type: 'object',
      properties: {
        pattern: { type: 'string', description: 'Regular expression; tried on each line.' },
        path: { ...PATH, description: `File or directory. ${PATH.description} Default: the workspace.` },
        glob: { type: 'string', description: 'Only files that match, for example *.{ts,tsx}' },
        literal: { type: 'boolean', description: 'The pattern is plain text. Default false.' },
        ignoreCase: { type: 'boolean', description: 'Default false.' },
        context: { type: 'integer', minimum: 0, maximum: 10, description: 'Lines around each match. Default 0.' },
        filesOnly: { type: 'boolean', description: 'Only the paths of files that match. Default false.' },
        all: ALL,
      },
      required: ['pattern'],
      additionalProperties: false,
    },
  },
} as const satisfies Record<string, ToolSpec>;
