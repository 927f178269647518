import { useSignal } from '@preact/signals';
import { DEFAULT_FAULT, FAULTS, FIELDS, OUTCOMES } from '../callFilters';
import { queryLink, route, visit } from '../navigation';
import { useFocusOnSlash } from './FilterBox';
import { Icon } from './Icon';
import { Name } from './Text';

/** Which calls are listed: whose fault, which outcome, and chips for exact values. */
export function CallFilters() {
  const { query } = route.value;
  const fault = query.fault || DEFAULT_FAULT;
  return (
    <div class="call-filters">
      <div class="ranges" role="group" aria-label="Whose fault">
        {FAULTS.map(({ value, title, hint }) => (
          <a key={value} href={queryLink({ fault: value === DEFAULT_FAULT ? '' : value, outcome: '', open: '' })} data-tip={hint} data-testid={`fault-${value}`} aria-current={fault === value ? 'true' : undefined}>
            {title}
          </a>
        ))}
      </div>
      <select
        aria-label="Outcome"
        data-testid="outcome-filter"
        value={query.outcome ?? ''}
        onChange={(event) => {
          const outcome = event.currentTarget.value;
          // An outcome belongs to one fault or another: asking for both could only hide calls.
          visit(queryLink({ outcome, open: '', ...(outcome && { fault: 'all' }) }));
        }}
      >
        <option value="">Any outcome</option>
        {OUTCOMES.map((outcome) => (
          <option key={outcome} value={outcome}>
            {outcome}
          </option>
        ))}
      </select>
      <AddFilter />
      <Chips />
    </div>
  );
}

function AddFilter() {
  const field = useSignal<string>(FIELDS[0].name);
  const box = useFocusOnSlash();
  function add(event: Event) {
    event.preventDefault();
    const value = box.current?.value.trim();
    if (!box.current || !value) return;
    box.current.value = '';
    visit(queryLink({ [field.value]: value, open: '' }));
  }
  return (
    <form class="add-filter" onSubmit={add}>
      <select aria-label="Filter by" value={field.value} onChange={(event) => (field.value = event.currentTarget.value)}>
        {FIELDS.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
      <label class="filter">
        <Icon name="filter" />
        <span class="visually-hidden">Exact value</span>
        <input ref={box} type="text" data-testid="filter" placeholder="is exactly" maxLength={1024} />
        <kbd>/</kbd>
      </label>
    </form>
  );
}

function Chips() {
  const { query } = route.value;
  const set = FIELDS.filter(({ name }) => query[name]);
  if (set.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {set.map(({ name, title }) => (
        <li key={name} class="chip" data-testid="chip" data-field={name} data-value={query[name]}>
          <span>{title}</span>
          <Name text={query[name] ?? ''} />
          <a href={queryLink({ [name]: '', open: '' })} aria-label={`Remove the filter ${title}`}>
            <Icon name="close" />
          </a>
        </li>
      ))}
    </ul>
  );
}
