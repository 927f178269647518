import { expect, test } from 'vitest';
import { sentence, words } from './words';

test('reasons read as words', () => {
  for (const [name, shown] of [['not_mcp', 'not MCP'], ['full', 'full'], ['tls_client_ca', 'TLS client CA'], ['', '']] as const) {
    expect(words(name)).toBe(shown);
  }
});

test('messages read as sentences', () => {
  for (const [message, shown] of [['the token is wrong', 'The token is wrong.'], ['It is.', 'It is.'], ['', '']] as const) {
    expect(sentence(message)).toBe(shown);
  }
});
