import { expect, test } from 'vitest';
import { indentJson } from './json';

test('JSON is indented as it was written, also where it is cut off', () => {
  const cases: [text: string, indented: string][] = [
    ['{"a":1,"b":[true,{"c":"x, {y}"}]}', '{\n  "a": 1,\n  "b": [\n    true,\n    {\n      "c": "x, {y}"\n    }\n  ]\n}'],
    ['{ "a" : {} , "b" : [ ] }', '{\n  "a": {},\n  "b": []\n}'],
    ['{"n":12345678901234567890,"e":1.0e+5}', '{\n  "n": 12345678901234567890,\n  "e": 1.0e+5\n}'],
    ['{"quote":"a\\"b\\\\","tab":"\\t"}', '{\n  "quote": "a\\"b\\\\",\n  "tab": "\\t"\n}'],
    ['{"text":"cut o', '{\n  "text": "cut o'],
    ['[1,', '[\n  1,'],
    ['}]', '}]'],
    ['{"a":"\u202e"}', '{\n  "a": "\\u202e"\n}'],
    ['no JSON, at all', 'no JSON, at all'],
    ['', ''],
  ];
  for (const [text, indented] of cases) expect(indentJson(text), text).toBe(indented);
});

test('every value is still the same', () => {
  const value = { list: [1, [2, []], { a: null }], 'key, {': 'a "quoted": [text]', '': [{}] };
  expect(JSON.parse(indentJson(JSON.stringify(value)))).toEqual(value);
  expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
});
