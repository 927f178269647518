import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { route, setQuery, visit } from '../navigation';
import { formatSort, parseSort, type Sort, sortRows, type SortValue } from '../sort';
import { Icon } from './Icon';

export interface Column<Row> {
  id: string;
  title: string;
  /** Explains the column. */
  hint?: string;
  numeric?: boolean;
  /** What the API sent: for tests, and for sorting unless `rank` is there. */
  value: (row: Row) => SortValue;
  /** What the column is sorted by when that is not `value`. */
  rank?: (row: Row) => SortValue;
  /** What is shown. */
  cell: (row: Row) => ComponentChildren;
  /** The exact value, for the tooltip. */
  exact?: (row: Row) => string;
}

interface DataTableProps<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  defaultSort: Sort;
  rowKey: (row: Row) => string;
  /** `data-*` attributes of a row. */
  rowData: (row: Row) => Record<string, string>;
  /** Address that a row leads to. */
  rowLink: (row: Row) => string;
  /** Rows shown at first. */
  limit?: number;
  /** Whether a button shows the rows beyond the limit. */
  expandable?: boolean;
}

/** A table that the reader sorts by any column; the address holds the order. The first column names the row. */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, columns, rows, defaultSort, rowKey, rowData, rowLink, limit = 200, expandable = true } = props;
  const everything = useSignal(false);
  const sort = parseSort(route.value.query.sort, defaultSort);
  const column = columns.find(({ id }) => id === sort.column);
  const sorted = column ? sortRows(rows, column.rank ?? column.value, sort.descending) : rows;
  const shown = everything.value ? sorted : sorted.slice(0, limit);
  return (
    <>
      <div class="table-scroll head-stays" role="region" aria-label={caption} tabIndex={0}>
        <table>
          <caption class="visually-hidden">{caption}</caption>
          <thead>
            <tr>
              {columns.map((each) => (
                <HeaderCell key={each.id} column={each} sort={sort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={rowKey(row)} class="row-link" {...rowData(row)} onClick={(event) => openRow(event, rowLink(row))}>
                {columns.map((each, index) => (
                  <Cell key={each.id} column={each} row={row} first={index === 0} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {expandable && shown.length < rows.length && (
        <button type="button" class="button wide" data-testid="show-all" onClick={() => (everything.value = true)}>
          Show all {rows.length}
        </button>
      )}
    </>
  );
}

function HeaderCell<Row>({ column, sort }: { column: Column<Row>; sort: Sort }) {
  const active = sort.column === column.id;
  const next = active ? !sort.descending : Boolean(column.numeric);
  return (
    <th scope="col" class={column.numeric ? 'number' : ''} aria-sort={active ? (sort.descending ? 'descending' : 'ascending') : 'none'}>
      <button
        type="button"
        class="sort"
        data-testid={`sort-${column.id}`}
        data-tip={column.hint}
        onClick={() => setQuery({ sort: formatSort({ column: column.id, descending: next }) })}
      >
        {column.title}
        <span class="sort-mark">{active && <Icon name={sort.descending ? 'down' : 'up'} />}</span>
      </button>
    </th>
  );
}

function Cell<Row>({ column, row, first }: { column: Column<Row>; row: Row; first: boolean }) {
  const attributes = {
    class: column.numeric ? 'number' : '',
    'data-column': column.id,
    'data-value': String(column.value(row) ?? ''),
    title: column.exact?.(row),
  };
  if (!first) return <td {...attributes}>{column.cell(row)}</td>;
  return (
    <th scope="row" {...attributes}>
      {column.cell(row)}
    </th>
  );
}

/** A click anywhere in a row follows its link, unless the reader marks text or uses a link of its own. */
function openRow(event: MouseEvent, link: string): void {
  if ((event.target as Element).closest('a, button') || getSelection()?.toString()) return;
  if (event.ctrlKey || event.metaKey) open(link, '_blank', 'noopener');
  else visit(link);
}
