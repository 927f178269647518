/** Sorting of table rows, as the address holds it: `tool` ascending, `-calls` descending. */

export type SortValue = string | number | null;

export interface Sort {
  column: string;
  descending: boolean;
}

const collator = new Intl.Collator('en', { numeric: true });

export function parseSort(text: string | undefined, fallback: Sort): Sort {
  if (!text) return fallback;
  return text.startsWith('-') ? { column: text.slice(1), descending: true } : { column: text, descending: false };
}

export function formatSort({ column, descending }: Sort): string {
  return descending ? `-${column}` : column;
}

/** Sorted copy. Rows without a value come last either way; equal rows keep their order. */
export function sortRows<Row>(rows: readonly Row[], value: (row: Row) => SortValue, descending: boolean): Row[] {
  return rows.toSorted((left, right) => compare(value(left), value(right), descending));
}

function compare(left: SortValue, right: SortValue, descending: boolean): number {
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  const order = typeof left === 'number' && typeof right === 'number' ? left - right : compareText(String(left), String(right));
  return descending ? -order : order;
}

/** Text as people sort it: `1.10` after `1.9`. */
export function compareText(left: string, right: string): number {
  return collator.compare(left, right);
}
