/** Text in other languages that is handed to a program: what in it can be recognised as dangerous. */
import { SHELLS } from './wrappers.ts';
import type { Invocation } from './invocation.ts';
import { joined } from './invocation.ts';

const INTERPRETERS = /^(?:python[\d.]*|perl|ruby|node|nodejs|deno|bun|php|lua|osascript|pwsh|tclsh|Rscript)$/;
const DATABASES =
  /^(?:psql|mysql|mariadb|sqlite3?|sqlcmd|clickhouse|clickhouse-client|duckdb|cockroach|mongo|mongosh|cqlsh|sqlplus|usql)$/;
/** Commands that start a program elsewhere, whose name is one of their arguments. */
const CARRIERS = /^(?:docker|podman|kubectl|docker-compose|nerdctl|heroku|fly|flyctl|supabase)$/;
const DELETES_IN_CODE =
  /\brmtree\b|\brm_rf?\b|\brmSync\b|\brmdirSync\b|\bfs(?:\.promises)?\.rm\b|\bremove_dir_all\b|\brm\s+-\w*[rf]|\bmkfs\b|\/dev\/[sh]d[a-z]|\bnvme\d/;
const DELETES_IN_DATABASE =
  /\bdrop\s+(?:database|schema|table|user|role|keyspace)\b|\btruncate\s+\w|\bdropDatabase\s*\(|\bdrop\s*\(\s*\)/i;
const INLINE = /^(?:-[a-zA-Z]*[ceEr]|--eval|--print|-p|eval)$/;

/**
 * What is dangerous about text that a command is given, in its arguments or to read.
 * @param spoken everything that is written out in its pipeline.
 */
export function codeDangers(call: Invocation, spoken: string): readonly string[] {
  const { name, args, input } = call;
  const text = `${joined(args)}\n${input.from === 'text' ? (input.text ?? '') : ''}`;
  if (INTERPRETERS.test(name)) return inInterpreter(call, text);
  if (/^[gmn]?awk$/.test(name) && DELETES_IN_CODE.test(text)) return ['deletes files, by what is written in its code'];
  const carried = CARRIERS.test(name) && args.some((one) => DATABASES.test(one.text));
  if ((DATABASES.test(name) || carried) && DELETES_IN_DATABASE.test(`${text}\n${spoken}`))
    return ['deletes a database, or tables of it'];
  if (CARRIERS.test(name) && args.some((one) => SHELLS.includes(one.text)) && DELETES_IN_CODE.test(text))
    return ['deletes folders with all that is in them'];
  return [];
}

function inInterpreter({ args, input }: Invocation, text: string): readonly string[] {
  const inline = args.findIndex((one) => INLINE.test(one.text));
  const code = inline === -1 ? undefined : args[inline + 1];
  if (inline !== -1 && DELETES_IN_CODE.test(text)) return ['deletes files, by what is written in its code'];
  if (code?.said === true) return ['runs what another command says as a program'];
  const script = args.find((one) => !one.text.startsWith('-'));
  if (script?.said === true) return ['runs what another command says as a program'];
  if (inline !== -1 || (script !== undefined && !args.some((one) => one.text === '-'))) return [];
  if (input.from === 'commands' && input.names.some((name) => /^(?:curl|wget|fetch|base64|xxd|openssl)$/.test(name)))
    return ['runs what was fetched or decoded as a program'];
  return input.from === 'text' && DELETES_IN_CODE.test(text) ? ['deletes files, by what is written in its code'] : [];
}
