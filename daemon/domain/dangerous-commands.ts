/**
 * What a command would do that is never done unasked. It reads the text and looks nothing up: it keeps honest mistakes from
 * happening; what programs and scripts do once they run is beyond it.
 */
import type { Input, Invocation } from './dangers/invocation.ts';
import { OwnFiles, type OwnPlaces } from './dangers/own-files.ts';
import { dangerOfReplacing, dangerOfWriting, pathOf } from './dangers/place.ts';
import { commandName, dangersOfCall } from './dangers/rules.ts';
import { insidesOf, type Inside } from './dangers/wrappers.ts';
import { readScript } from './shell/script-reader.ts';
import {
  NotUnderstood,
  type Compound,
  type Node,
  type Pipeline,
  type Redirection,
  type Script,
  type SimpleCommand,
  type Word,
} from './shell/syntax.ts';
import {
  HOME,
  MAX_VALUES,
  argument,
  assignmentOf,
  textOf,
  valuesOf,
  type Argument,
  type Variables,
} from './shell/values.ts';

const MAX_SHOWN = 120;
const MAX_SENTENCES = 20;
/** Shells in shells in shells. */
const MAX_TEXTS = 50;
const LATE = 'runs a command that is only known when it runs';
const NAMES_OWN = 'names a place where m keeps its own files';
const NO_OTHERS: OwnPlaces = { paths: [], home: undefined };
const READ_VARIABLES = ['read', 'mapfile', 'readarray', 'getopts', 'unset'];
const DECLARES = ['export', 'local', 'declare', 'typeset', 'readonly'];

/**
 * Says what in a command is dangerous, a sentence each; nothing when nothing is.
 * @param command shell text as it would be run.
 * @param workspace absolute path; where it would be run.
 * @param own where m keeps its files besides the usual places.
 */
export function dangersOf(command: string, workspace: string, own: OwnPlaces = NO_OTHERS): string[] {
  const judge = new Judge(workspace, new OwnFiles(own, workspace));
  judge.whole(command);
  return judge.sentences;
}

/** What commands that are read one after the other hand on: the folder they are in. */
interface Scope {
  folder: string | undefined;
}

class Judge {
  readonly #workspace: string;
  readonly #own: OwnFiles;
  readonly #found = new Set<string>();
  #namesOwn = false;
  readonly #variables: Variables;
  #texts = 0;
  /** Names of the functions whose body is being read, with whether it may start two of itself. */
  readonly #functions: string[] = [];

  constructor(workspace: string, own: OwnFiles) {
    this.#workspace = workspace;
    this.#own = own;
    this.#variables = new Map([
      ['HOME', [HOME]],
      ['PWD', [workspace]],
      ['TMPDIR', ['/tmp']],
      ['M_DATA_DIR', [`${HOME}/.local/share/m`]],
    ]);
  }

  get sentences(): string[] {
    return [...this.#found].slice(0, MAX_SENTENCES);
  }

  whole(command: string): void {
    this.text(command);
    // Also where it is no argument: in the code of another language, or in what a command is given to read.
    if (!this.#namesOwn && this.#own.isWrittenIn(command)) this.#say(NAMES_OWN, command);
  }

  /** @param scope left out for a text that starts where the command starts. */
  text(text: string, scope: Scope = { folder: this.#workspace }): void {
    this.#texts += 1;
    try {
      if (this.#texts > MAX_TEXTS) throw new NotUnderstood('it is nested too deeply');
      this.#script(readScript(text), scope);
    } catch (error) {
      if (!(error instanceof NotUnderstood)) throw error;
      this.#say(`cannot be understood, ${error.message}`, text);
    }
  }

  #say(danger: string, source: string): void {
    const line = source.replaceAll(HOME, '~').replaceAll(/\s+/g, ' ').trim();
    const shown = line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line;
    this.#found.add(`It ${danger} (${shown}).`.toWellFormed());
  }

  #script({ pipelines }: Script, scope: Scope): void {
    for (const pipeline of pipelines) this.#pipeline(pipeline, scope);
  }

  #pipeline({ nodes, background }: Pipeline, scope: Scope): void {
    const several = nodes.length > 1;
    const spoken = nodes.map((node) => this.#written(node)).join('\n');
    const names: string[] = [];
    for (const node of nodes) {
      const input: Input = names.length > 0 ? { from: 'commands', names: [...names] } : { from: 'nothing' };
      this.#selfStart(node, several || background);
      this.#node(node, several || background ? { ...scope } : scope, input, spoken);
      names.push(
        node.kind === 'simple' ? (valuesOf(node.words[0] ?? { pieces: [] }, this.#variables)[0]?.text ?? '') : '',
      );
    }
  }

  /** What is written out for a command to say, or to hand on. */
  #written(node: Node): string {
    if (node.kind !== 'simple') return '';
    const texts = node.redirections.flatMap(({ text }) => text?.pieces ?? []);
    return [node.source, ...texts.map((piece) => (piece.kind === 'text' ? piece.text : ''))].join('\n');
  }

  /** A function that starts itself beside itself never ends, and fills the machine. */
  #selfStart(node: Node, beside: boolean): void {
    if (!beside || node.kind !== 'simple') return;
    const name = node.words[0] === undefined ? undefined : textOf(node.words[0], this.#variables);
    if (name !== undefined && this.#functions.includes(name))
      this.#say('starts itself again and again (a fork bomb)', node.source);
  }

  #node(node: Node, scope: Scope, input: Input, spoken: string): void {
    switch (node.kind) {
      case 'simple':
        return this.#simple(node, scope, input, spoken);
      case 'compound':
        return this.#compound(node, scope, input);
      case 'function':
        this.#functions.push(node.functionName);
        this.#node(node.body, { ...scope }, input, '');
        this.#functions.pop();
    }
  }

  #compound(node: Compound, scope: Scope, input: Input): void {
    for (const word of node.words) this.#inside(word, scope);
    this.#redirections(node.redirections, scope, '');
    if (node.variable !== undefined) {
      const values = node.words.flatMap((word) => valuesOf(word, this.#variables));
      const known = values.length > 0 && values.every((value) => value.known);
      this.#set(node.variable, known ? values.map(({ text }) => text) : undefined);
    }
    const inner = node.subshell ? { ...scope } : scope;
    for (const pipeline of node.body.pipelines) {
      // What the whole is given, its first command may read.
      const [first, ...rest] = pipeline.nodes;
      if (input.from === 'nothing' || first?.kind !== 'simple' || rest.length > 0) this.#pipeline(pipeline, inner);
      else this.#node(first, inner, input, first.source);
    }
  }

  /** Commands inside of a word are run before the command that the word belongs to. */
  #inside(word: Word, scope: Scope): void {
    for (const piece of word.pieces) {
      if (piece.kind === 'output') this.#script(piece.script, { ...scope });
      else if (piece.kind === 'list') for (const inner of piece.words) this.#inside(inner, scope);
    }
  }

  #redirections(redirections: readonly Redirection[], scope: Scope, source: string): Input | undefined {
    let input: Input | undefined;
    for (const { operator, target, text } of redirections) {
      this.#inside(target, scope);
      if (text !== undefined) {
        this.#inside(text, scope);
        input = { from: 'text', text: textOf(text, this.#variables) };
        continue;
      }
      this.#lookForOwn(valuesOf(target, this.#variables), scope, source);
      if (!operator.includes('>')) {
        if (target.pieces.some((piece) => piece.kind === 'output')) input = { from: 'commands', names: [] };
        continue;
      }
      for (const value of valuesOf(target, this.#variables)) {
        if (operator === '>&' && /^(?:\d+-?|-)$/.test(value.text)) continue;
        const danger = operator.endsWith('>>')
          ? this.#appending(value, scope)
          : dangerOfReplacing(value, this.#where(scope));
        if (danger !== undefined) this.#say(danger, source === '' ? `${operator} ${value.text}` : source);
      }
    }
    return input;
  }

  #lookForOwn(words: readonly Argument[], scope: Scope, source: string): void {
    if (!words.some((word) => this.#own.isNamedBy(word, this.#where(scope)))) return;
    this.#namesOwn = true;
    this.#say(NAMES_OWN, source === '' ? words.map(({ text }) => text).join(' ') : source);
  }

  #appending(value: Argument, scope: Scope): string | undefined {
    const path = pathOf(value, this.#where(scope));
    return path === undefined ? undefined : dangerOfWriting(path);
  }

  #where({ folder }: Scope): Invocation['where'] {
    return { workspace: this.#workspace, folder };
  }

  #simple(node: SimpleCommand, scope: Scope, piped: Input, spoken: string): void {
    for (const word of node.words) this.#inside(word, scope);
    const input = this.#redirections(node.redirections, scope, node.source) ?? piped;
    let first = 0;
    for (; first < node.words.length; first += 1) {
      const word = node.words[first];
      const assigned = word === undefined ? undefined : assignmentOf(word);
      if (assigned === undefined) break;
      this.#assign(assigned);
    }
    const words = node.words.slice(first).flatMap((word) => valuesOf(word, this.#variables));
    if (words.length > 0) this.#command(words, { source: node.source, scope, input, spoken, open: false });
    this.#remember(words, node.words.slice(first), scope);
  }

  #assign({ name, value, adds }: { name: string; value: Word; adds: boolean }): void {
    const text = adds ? undefined : textOf(value, this.#variables);
    this.#set(name, text === undefined ? undefined : [text]);
  }

  /** A variable that is set twice may have either value: what runs in which order is not worked out here. */
  #set(name: string, values: readonly string[] | undefined): void {
    const before = this.#variables.get(name);
    const known = values !== undefined && (before !== undefined || !this.#variables.has(name));
    const all = known ? [...new Set([...(before ?? []), ...values])] : undefined;
    this.#variables.set(name, (all?.length ?? 0) > MAX_VALUES ? undefined : all);
  }

  /** What a command changes for those behind it: the folder, and variables. */
  #remember([command, ...args]: readonly Argument[], [, ...words]: readonly Word[], scope: Scope): void {
    const name = command?.text ?? '';
    if (['cd', 'pushd', 'popd'].includes(name)) {
      scope.folder = name === 'popd' ? undefined : this.#folderOf(args, scope);
      this.#variables.set('PWD', scope.folder === undefined ? undefined : [scope.folder]);
    }
    if (READ_VARIABLES.includes(name)) for (const { text } of args) this.#variables.set(text, undefined);
    if (!DECLARES.includes(name)) return;
    for (const word of words) {
      const assigned = assignmentOf(word);
      if (assigned !== undefined) this.#assign(assigned);
    }
  }

  /** Where `cd` with these arguments leads; undefined when the text does not tell. */
  #folderOf(args: readonly Argument[], scope: Scope): string | undefined {
    if (args.some(({ text, pattern }) => text === '-' || pattern)) return undefined;
    return pathOf(args.find(({ text }) => !text.startsWith('-')) ?? argument(HOME), this.#where(scope));
  }

  #command(words: readonly Argument[], around: Around): void {
    const [command, ...args] = words;
    if (command === undefined) return;
    if (!command.known || (command.pattern && command.text !== '[')) return this.#say(LATE, around.source);
    const name = commandName(command.text);
    const call: Invocation = { name, args, where: this.#where(around.scope), input: around.input, open: around.open };
    for (const danger of dangersOfCall(call, around.spoken)) this.#say(danger, around.source);
    this.#lookForOwn(words, around.scope, around.source);
    for (const inside of insidesOf(call)) this.#wrapped(inside, around);
  }

  #wrapped(inside: Inside, around: Around): void {
    this.#texts += 1;
    if (this.#texts > MAX_TEXTS) return this.#say('cannot be understood, it is nested too deeply', around.source);
    switch (inside.kind) {
      case 'command':
        return this.#command(inside.words, { ...around, open: inside.open });
      case 'input':
        return this.#say('runs what other commands say as commands', around.spoken.replaceAll('\n', ' | '));
      case 'script':
        if (inside.parts.some(({ known }) => !known)) return this.#say(LATE, around.source);
        return this.text(inside.parts.map(({ text }) => text).join(' '), { ...around.scope });
    }
  }
}

interface Around {
  readonly source: string;
  readonly scope: Scope;
  readonly input: Input;
  readonly spoken: string;
  readonly open: boolean;
}
