/** Names that came from outside, with what they hide made visible. */

/** Control characters and those that turn the direction of the text: invisible, and able to make two names look alike. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** `a\tb` with a real tab becomes `a\u0009b`; a name of nothing but spaces becomes `␣␣`. */
export function visibleText(text: string): string {
  if (text.trim() === '') return text.replace(HIDDEN, escape).replaceAll(' ', '␣');
  return text.replace(HIDDEN, escape);
}

function escape(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}
