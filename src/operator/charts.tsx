import type { Series } from '../host-view/view.ts';
import { Chart } from './chart.tsx';
import { count, ms } from './format.ts';

/** The host over the last quarter of an hour. */
export function Charts({ series, to }: { readonly series: Series; readonly to: number }) {
  const one = (title: string, values: readonly number[], show = count) => (
    <Chart title={title} at={series.at} to={to} lines={[{ values }]} show={show} />
  );
  const times = (title: string, p50: Series['ackP50'], p99: Series['ackP99']) => (
    <Chart
      title={title}
      at={series.at}
      to={to}
      lines={[
        { name: 'p50', values: p50 },
        { name: 'p99', values: p99 },
      ]}
      show={ms}
    />
  );
  return (
    <section aria-labelledby="charts">
      <h2 id="charts">Last 15 minutes of this host</h2>
      <div class="charts">
        {one('Acks per second', series.acks)}
        {one('Deliveries per second', series.deliveries)}
        {times('Time until stored', series.ackP50, series.ackP99)}
        {times('Time from arrival to writing', series.waitP50, series.waitP99)}
        {times('Answers of the store', series.storeP50, series.storeP99)}
        {one('Clients', series.clients)}
        {one('Loop delay of the slowest worker', series.loopDelayMs, ms)}
        {one('Refusals per second', series.refusals)}
      </div>
    </section>
  );
}
