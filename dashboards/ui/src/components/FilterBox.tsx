import { useEffect, useRef } from 'preact/hooks';
import { route, setQuery } from '../navigation';
import { Icon } from './Icon';

/** A box that narrows the table below by text. `/` goes into it, Escape empties it. */
export function FilterBox({ label }: { label: string }) {
  const box = useFocusOnSlash();
  return (
    <label class="filter">
      <Icon name="search" />
      <span class="visually-hidden">{label}</span>
      <input
        ref={box}
        type="search"
        data-testid="filter"
        placeholder={label}
        value={route.value.query.filter ?? ''}
        onInput={(event) => setQuery({ filter: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setQuery({ filter: '' });
        }}
      />
      <kbd>/</kbd>
    </label>
  );
}

export function useFocusOnSlash() {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      const typing = (event.target as Element | null)?.closest('input, select, textarea');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
    }
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  return box;
}

/** Whether any of the texts holds the filter's text, upper and lower case alike. */
export function matchesFilter(filter: string | undefined, ...texts: string[]): boolean {
  if (!filter) return true;
  const needle = filter.toLowerCase();
  return texts.some((text) => text.toLowerCase().includes(needle));
}
