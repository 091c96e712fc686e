/** One directive of an nginx config, with its block if it has one. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  readonly block: readonly Directive[] | undefined;
}

export interface ConfigFiles {
  /** The texts of the files that a path or pattern of `include` names. */
  read(pattern: string): readonly string[];
}

const MAX_INCLUDES = 10;
/** A comment, a quoted text, a sign of its own, or a word. */
const TOKEN =
  /#[^\n]*|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|[{};]|(?:\$\{[^}]*\}|[^\s{};"'\\#]|\\.|(?<=\S)#)+/g;

/** Reads an nginx config with what it includes. A text that is none gives what could be read of it. */
export function parseNginx(text: string, files: ConfigFiles, depth = 0): Directive[] {
  const stack: Directive[][] = [[]];
  let words: string[] = [];
  const top = () => stack.at(-1) as Directive[];
  for (const [token, double, single] of text.matchAll(TOKEN)) {
    if (token.startsWith('#')) continue;
    if (token === ';') {
      const [name, ...args] = words;
      words = [];
      if (name === 'include') {
        const texts = depth < MAX_INCLUDES ? files.read(args[0] ?? '') : [];
        top().push(...texts.flatMap((included) => parseNginx(included, files, depth + 1)));
      } else if (name !== undefined) top().push({ name, args, block: undefined });
    } else if (token === '{') {
      const [name = '', ...args] = words;
      words = [];
      const block: Directive[] = [];
      top().push({ name, args, block });
      stack.push(block);
    } else if (token === '}') {
      if (stack.length > 1) stack.pop();
    } else words.push(double ?? single ?? token);
  }
  return stack[0] as Directive[];
}

/** Every block of that name with the blocks around it, outermost first. */
export function* blocksOf(
  directives: readonly Directive[],
  name: string,
  around: readonly (readonly Directive[])[] = [directives],
): Generator<{ readonly directive: Directive; readonly scopes: readonly (readonly Directive[])[] }> {
  for (const directive of directives) {
    if (!directive.block) continue;
    const scopes = [...around, directive.block];
    if (directive.name === name) yield { directive, scopes };
    yield* blocksOf(directive.block, name, scopes);
  }
}

/** The directives of that name that are in force in the innermost scope: the nearest scope that has any decides. */
export function inForce(scopes: readonly (readonly Directive[])[], name: string): readonly Directive[] {
  for (const scope of [...scopes].reverse()) {
    const found = scope.filter((directive) => directive.name === name);
    if (found.length > 0) return found;
  }
  return [];
}
