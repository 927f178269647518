import type { Tool } from '../api';
import { DataTable } from '../components/DataTable';
import { CutOff } from '../components/CutOff';
import { Empty, NoCalls } from '../components/Empty';
import { FilterBox, matchesFilter } from '../components/FilterBox';
import { route } from '../navigation';
import { rangeName } from '../route';
import { overview, tools } from '../state';
import { failedCallsLink, toolColumns } from './toolColumns';

export function ToolsPage() {
  const rows = tools.data.value?.tools ?? [];
  if (rows.length === 0) return <NoTools />;
  const { filter } = route.value.query;
  const shown = rows.filter((row) => matchesFilter(filter, row.tool, row.server, row.state));
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>
          Tools <span class="quiet">{shown.length === rows.length ? rows.length : `${shown.length} of ${rows.length}`}</span>
        </h2>
        <FilterBox label="Filter tools" />
      </div>
      {shown.length > 0 ? <ToolTable rows={shown} /> : <Empty title={`No tool has “${filter}” in its name, server or state`} />}
      <CutOff next={tools.data.value?.next} source={tools.source.value} shown={rows.length} what="tools" />
    </section>
  );
}

interface ToolTableProps {
  rows: readonly Tool[];
  limit?: number;
  expandable?: boolean;
}

export function ToolTable({ rows, ...rest }: ToolTableProps) {
  return (
    <DataTable
      caption="Tools"
      columns={toolColumns(rows)}
      rows={rows}
      defaultSort={{ column: 'calls', descending: true }}
      rowKey={(row) => JSON.stringify([row.server, row.tool])}
      rowData={(row) => ({ 'data-testid': 'tool-row', 'data-server': row.server, 'data-tool': row.tool })}
      rowLink={failedCallsLink}
      {...rest}
    />
  );
}

function NoTools() {
  if (!overview.data.value?.totals.calls) return <NoCalls />;
  return <Empty title={`No tool was called in ${rangeName(route.value.query)}`} />;
}
