import type { ComponentChildren } from 'preact';
import type { Count, HostView, StoreView } from '../host-view/view.ts';
import { count, mib, ms } from './format.ts';

export interface TableRow {
  /** Tells what the row is about: a row that moves takes its buttons and the focus along. */
  readonly id: string | number;
  readonly cells: readonly ComponentChildren[];
}

export interface TableProps {
  readonly title: string;
  readonly columns: readonly string[];
  /** The columns from this one on are numbers. */
  readonly numbersFrom: number;
  readonly rows: readonly TableRow[];
  readonly empty?: string;
}

/** A table that scrolls sideways by itself where it is too wide, also by keyboard. */
export function Table({ title, columns, numbersFrom, rows, empty = 'none' }: TableProps) {
  const classOf = (index: number) => (index >= numbersFrom ? 'number' : undefined);
  if (rows.length === 0) return <p class="quiet">{empty}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for controls
    <div class="scroller" role="group" tabIndex={0} aria-label={title}>
      <table>
        <thead>
          <tr>
            {columns.map((name, index) => (
              <th key={name} scope="col" class={classOf(index)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, cells }) => (
            <tr key={id}>
              {cells.map((cell, index) => (
                <td key={columns[index]} class={classOf(index)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Hosts({ view: { host, hosts } }: { readonly view: HostView }) {
  if (hosts.length < 2) return null;
  return (
    <section class="card" aria-labelledby="hosts">
      <h2 id="hosts">Hosts</h2>
      <Table
        title="Hosts"
        columns={['host', 'workers', 'clients']}
        numbersFrom={1}
        rows={hosts.map(({ name, workers, clients }) => ({
          id: name,
          cells: [name === host ? `${name} (this one)` : name, count(workers), count(clients)],
        }))}
      />
    </section>
  );
}

export function Workers({ view: { workers, host } }: { readonly view: HostView }) {
  return (
    <section class="card" aria-labelledby="workers">
      <h2 id="workers">Workers of {host}</h2>
      <Table
        title="Workers"
        columns={[
          'slot',
          'state',
          'version',
          'port',
          'pid',
          'clients',
          'rooms',
          'loop delay',
          'memory',
          'restarts',
        ]}
        numbersFrom={3}
        rows={workers.map((worker) => ({
          id: `${worker.slot} ${worker.pid}`,
          cells: [
            worker.slot,
            <>
              <span class={`state ${worker.state}`}>{worker.state}</span>
              {worker.reason && <span class="quiet"> {worker.reason}</span>}
            </>,
            worker.version ?? 'not told',
            worker.port,
            worker.pid || '',
            count(worker.clients),
            count(worker.rooms),
            ms(worker.loopDelayMs),
            mib(worker.rssBytes),
            count(worker.restarts),
          ],
        }))}
      />
    </section>
  );
}

export function Counts({ title, of, counts }: { title: string; of: string; counts: readonly Count[] }) {
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      <Table
        title={title}
        columns={[of, '15 min', 'since start']}
        numbersFrom={1}
        rows={counts.map(({ name, recent, total }) => ({
          id: name,
          cells: [name, count(recent), count(total)],
        }))}
        empty="nothing"
      />
    </section>
  );
}

export function Store({ store }: { readonly store: StoreView }) {
  return (
    <section class="card" aria-labelledby="store">
      <h2 id="store">Store: {store.kind}</h2>
      <p>
        <span class={`state ${store.up ? 'ready' : 'backoff'}`}>{store.up ? 'answers' : 'away'}</span>{' '}
        {store.up ? `within ${ms(store.checkMs)}` : store.error}
      </p>
      {store.away.map((server) => (
        <p class="warning" key={server}>
          {server} is away
        </p>
      ))}
      {store.warnings.map((warning) => (
        <p class="warning" key={warning}>
          {warning}
        </p>
      ))}
    </section>
  );
}
