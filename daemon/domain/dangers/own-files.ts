/** Where m keeps what it stores and what it is told by its person: a command that names such a place is asked about. */
import { HOME, type Argument } from '../shell/values.ts';
import { OWN_IN_HOME, normal, pathOf, type Where } from './place.ts';

const PATH_START = new RegExp(`[/${HOME}]`);

/** Where m keeps its files besides the usual places. */
export interface OwnPlaces {
  /** Of files and directories. Absolute. */
  readonly paths: readonly string[];
  /** The home folder of the command; undefined when it has none. */
  readonly home: string | undefined;
}

export class OwnFiles {
  readonly #places: readonly (readonly string[])[];
  readonly #written: RegExp;

  constructor({ paths, home }: OwnPlaces, workspace: string) {
    const all = [...paths, ...(home === undefined ? [] : OWN_IN_HOME.map((place) => home + place))];
    const fromHome = [...OWN_IN_HOME];
    for (const path of all)
      if (home !== undefined && path.startsWith(`${home}/`)) fromHome.push(path.slice(home.length));
    const places = new Set([...all.map((path) => normal(path, workspace)), ...fromHome.map((place) => HOME + place)]);
    this.#places = [...places].map((place) => place.split('/'));
    const beginnings = [
      ...all.map((path) => `(?<![\\w.-])${escaped(path)}`),
      ...fromHome.map((place) => `(?:~|\\$HOME|\\$\\{HOME\\})${escaped(place)}`),
    ];
    this.#written = new RegExp(`(?:${beginnings.join('|')})(?![\\w-]|\\.\\w)`);
  }

  /** Whether an argument is such a place, or contains one as the value of an option or as a part of a list. */
  isNamedBy(argument: Argument, where: Where): boolean {
    const { text } = argument;
    // An option and its value in one word.
    const start = text.startsWith('-') ? text.search(PATH_START) : -1;
    const parts = new Set([text, ...text.split(/[=:,@]/), ...(start > 0 ? [text.slice(start)] : [])]);
    return [...parts].some((part) => {
      const path = pathOf({ ...argument, text: part }, where)?.split('/');
      return path !== undefined && this.#places.some((place) => leadsInto(path, place));
    });
  }

  /** Whether such a place is written anywhere in a text, as in code of another language. */
  isWrittenIn(text: string): boolean {
    return this.#written.test(text);
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[^\w/]/g, '\\$&');
}

/** Of a pattern the beginning and the end of each name are looked at: that is too often rather than too seldom. */
function leadsInto(path: readonly string[], place: readonly string[]): boolean {
  return place.every((name, index) => {
    const part = path[index];
    if (part === undefined || part === name) return part !== undefined;
    const first = part.search(/[*?[]/);
    if (first === -1) return false;
    return name.startsWith(part.slice(0, first)) && name.endsWith(/[^*?\]]*$/.exec(part)?.[0] ?? '');
  });
}
