const ACRONYMS = new Set(['mcp', 'tls', 'id', 'ca']);

/** A message of the collector, which begins small and has no full stop, as a sentence. */
export function sentence(message: string): string {
  if (message === '') return '';
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`;
}

/** Names that the collector gives to reasons, as words: `not_mcp` is `not MCP`. */
export function words(name: string): string {
  return name
    .split('_')
    .map((word) => (ACRONYMS.has(word) ? word.toUpperCase() : word))
    .join(' ');
}
