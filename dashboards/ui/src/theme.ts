/** Light, dark, or as the system says. `public/theme.js` sets the same attribute before the first paint. */
import { computed, effect, signal } from '@preact/signals';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'toolsight-theme';
const systemDark = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener('change', (event) => {
  systemIsDark.value = event.matches;
});

export const theme = signal<Theme>(THEMES.find((name) => name === document.documentElement.dataset.theme) ?? 'system');

/** Whether the page is dark now. */
export const dark = computed(() => theme.value === 'dark' || (theme.value === 'system' && systemIsDark.value));

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system';
}

effect(() => {
  const root = document.documentElement;
  if (theme.value === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  try {
    if (theme.value === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme.value);
  } catch {
    // Storage is closed to this page: the choice lasts until it is reloaded.
  }
});
