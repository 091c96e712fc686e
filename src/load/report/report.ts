import { duration, short, whole } from '../numbers.ts';
import type { LoadResult, Outcome } from '../result.ts';
import { figuresOf } from './figures.ts';
import { type Html, html, verbatim } from './html.ts';
import { STYLE } from './style.ts';
import { tablesOf } from './tables.ts';

const HEADINGS: Readonly<Record<Outcome, { readonly tone: string; readonly text: string }>> = {
  good: { tone: 'good', text: '✓ Good' },
  wrong: { tone: 'wrong', text: '✗ Wrong' },
  'threshold-missed': { tone: 'missed', text: '△ A limit was missed' },
  'driver-too-slow': { tone: 'missed', text: '△ The driver was too slow to judge the server' },
};

/** A page that needs nothing else: no script, no font and no picture from anywhere. */
export function renderReport(result: LoadResult): string {
  const { config, verdict, command, tool, endedEarly } = result;
  const title = `Load on ${config.urls.join(' and ')}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${verbatim(STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
<p>${summaryOf(result)}</p>
</header>
<section class="verdict ${HEADINGS[verdict.outcome].tone}">
<h2>${HEADINGS[verdict.outcome].text}</h2>
<ul>${verdict.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
${endedEarly ? html`<p>The run ended before its time.</p>` : undefined}
${notChecked(verdict.notChecked)}
</section>
<ul class="figures">${keyFigures(result)}</ul>
${figuresOf(result)}
${tablesOf(result)}
<section><h2>Repeat it</h2><pre>${command}</pre></section>
<footer>Made by ${tool.name} ${tool.version}. Latencies count from the time a message was meant to be sent, so a server that stalls is not spared.</footer>
</main>
</body>
</html>
`;
  return page.html;
}

function summaryOf({ config, startedAt, tookMs }: LoadResult): string {
  const at = startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
  return `${at}, ${duration(tookMs)}: ${whole(config.clients)} clients in ${whole(config.rooms)} rooms said ${short(config.ratePerS)} messages per second`;
}

function notChecked(sentences: readonly string[]): Html | undefined {
  if (sentences.length === 0) return undefined;
  return html`<p>Not checked:</p><ul>${sentences.map((sentence) => html`<li>${sentence}</li>`)}</ul>`;
}

function keyFigures({ totals, latency, seconds, verdict }: LoadResult): readonly Html[] {
  const loaded = seconds.filter(({ phase }) => phase === 'load');
  const loadedS = loaded.reduce((sum, { tookMs }) => sum + tookMs, 0) / 1_000;
  const delivered = loaded.reduce((sum, second) => sum + second.delivered, 0);
  const wrong = Object.values(verdict.wrong).reduce((sum, count) => sum + count, 0);
  const refused = Object.values(totals.refused).reduce((sum, count) => sum + count, 0);
  const measured = latency.delivered.count > 0;
  return [
    figure(loadedS > 0 ? whole(delivered / loadedS) : '–', 'deliveries per second'),
    figure(measured ? duration(latency.delivered.p50Ms) : '–', 'p50, delivered'),
    figure(measured ? duration(latency.delivered.p99Ms) : '–', 'p99, delivered'),
    figure(whole(totals.said), 'messages said'),
    figure(whole(refused), 'refused'),
    figure(whole(wrong), 'wrong', wrong > 0 ? 'bad' : 'good'),
  ];
}

function figure(value: string, name: string, tone = ''): Html {
  return html`<li><b class="${tone}">${value}</b><span>${name}</span></li>`;
}
