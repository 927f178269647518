/** JSON as people read it, from a text that may be cut off in the middle. */
import { visibleText } from './visibleText';

const TOKENS = /"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s"{}[\],:]+/gs;

/**
 * One value on a line, two spaces for each level. The values stay as they were written: parsed and written again, long
 * numbers would be others. A text that is no object and no list stays as it is.
 */
export function indentJson(text: string): string {
  if (!/^\s*[{[]/.test(text)) return text;
  let depth = 0;
  let last = '';
  let indented = '';
  for (const [token] of text.matchAll(TOKENS)) {
    const closes = token === '}' || token === ']';
    if (closes) depth -= 1;
    const isEmpty = closes && (last === '{' || last === '[');
    const begins = last === '{' || last === '[' || last === ',';
    if ((begins || closes) && !isEmpty && last !== '') indented += `\n${'  '.repeat(Math.max(0, depth))}`;
    indented += token === ':' ? ': ' : visibleText(token);
    if (token === '{' || token === '[') depth += 1;
    last = token;
  }
  return indented;
}
