/** The report's look: one column, light or dark as the reader's system, and plain on paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f5f1; --surface: #fff; --text: #23282a; --muted: #5d6466; --line: #dedbd2;
  --main: #176b60; --high: #b4501b; --third: #4a5fb5; --quiet: #7b8385;
  --good: #17704c; --good-back: #e2f2ea; --bad: #a12617; --bad-back: #fbe6e2;
  --warn: #6b4a00; --warn-back: #fdf0d2; --fault: #b4501b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181a; --surface: #1b2123; --text: #e6e8e6; --muted: #a3adae; --line: #333c3e;
    --main: #6fcbb9; --high: #f0a06c; --third: #a3b4ff; --quiet: #8f999b;
    --good: #6fd6a6; --good-back: #17352a; --bad: #ffb4a8; --bad-back: #43211d;
    --warn: #f3d48c; --warn-back: #3a2f15; --fault: #f0a06c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 880px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { margin: 0; font-size: 25px; line-height: 1.25; }
h2 { margin: 0 0 8px; font-size: 17px; }
p { margin: 6px 0; }
header p { color: var(--muted); overflow-wrap: anywhere; }
section, figure { margin: 18px 0 0; padding: 18px 20px; background: var(--surface); border: 1px solid var(--line); border-radius: 10px; }
.verdict { border-left-width: 6px; }
.verdict h2 { font-size: 20px; margin: 0; }
.verdict ul { margin: 8px 0 0; padding-left: 20px; }
.verdict.good { border-color: var(--good); background: var(--good-back); }
.verdict.good h2, .good { color: var(--good); }
.verdict.wrong { border-color: var(--bad); background: var(--bad-back); }
.verdict.wrong h2, .bad { color: var(--bad); font-weight: 600; }
.verdict.missed { border-color: var(--warn); background: var(--warn-back); }
.verdict.missed h2 { color: var(--warn); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 12px; margin: 18px 0 0; padding: 0; list-style: none; }
.figures li { padding: 12px 14px; background: var(--surface); border: 1px solid var(--line); border-radius: 10px; }
.figures b { display: block; font-size: 21px; line-height: 1.3; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures span { color: var(--muted); font-size: 13px; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 18px; align-items: baseline; justify-content: space-between; }
figcaption strong { font-size: 17px; }
figure > svg { display: block; width: 100%; height: auto; margin-top: 6px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--muted); }
.key svg { width: 22px; height: 8px; margin-right: 6px; vertical-align: middle; }
svg text { fill: var(--muted); font: 12px system-ui, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--line); fill: none; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .line.main { stroke: var(--main); }
svg .line.high { stroke: var(--high); stroke-dasharray: 7 4; }
svg .line.third { stroke: var(--third); stroke-dasharray: 2 4; }
svg .line.quiet { stroke: var(--quiet); stroke-dasharray: 10 3 2 3; }
svg rect.phase { fill: var(--quiet); opacity: .1; }
svg rect.fault { fill: var(--fault); opacity: .45; }
svg text.band { paint-order: stroke; stroke: var(--surface); stroke-width: 4px; stroke-linejoin: round; }
svg text.fault { fill: var(--fault); font-weight: 600; }
svg .hover { fill: transparent; }
svg .hover:hover { fill: var(--quiet); opacity: .22; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 5px 18px 5px 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
thead th { border-top: 0; color: var(--muted); font-weight: 500; overflow-wrap: normal; }
tbody tr:first-child > * { border-top-color: var(--line); }
tbody th { font-weight: 500; min-width: 7em; }
td.number, thead th.number { text-align: right; }
td.number { white-space: nowrap; overflow-wrap: normal; }
meter { width: 90px; vertical-align: middle; }
pre { margin: 0; padding: 12px 14px; background: var(--page); border: 1px solid var(--line); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
footer { margin-top: 24px; color: var(--muted); font-size: 13px; }
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --surface: #fff; --text: #000; --muted: #444; --line: #bbb;
    --main: #0d5249; --high: #93400f; --third: #33459a; --quiet: #555;
    --good: #0f5738; --good-back: #fff; --bad: #8f1d10; --bad-back: #fff; --warn: #5a3e00; --warn-back: #fff; --fault: #93400f;
  }
  body { font-size: 11px; }
  main { max-width: none; padding: 0; }
  section, figure, .figures li { break-inside: avoid; border-radius: 0; padding: 10px 12px; margin-top: 10px; }
  .verdict { border-width: 2px 2px 2px 8px; }
  h2 { break-after: avoid; }
  table { font-size: 10.5px; }
  .wide { overflow: visible; }
  svg .hover { display: none; }
}
`;
