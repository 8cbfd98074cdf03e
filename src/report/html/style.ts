/** The style of a report: light and dark by the reader's setting, ink only on paper. One constant, so that the page's policy can name its hash. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --dim: #57606a; --back: #fff; --line: #d0d7de; --band: #f6f8fa;
  --bad: #b3261e; --warn: #8a5300; --good: #1a6b35; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --dim: #9aa4af; --back: #0d1117; --line: #30363d;
  --band: #161b22; --bad: #ff8f87; --warn: #e3a94a; --good: #6bd08a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 72rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text);
  background: var(--back); overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .3rem; } h4 { font-size: 1rem; margin: .8rem 0 .2rem; }
p { margin: .4rem 0; } .dim { color: var(--dim); }
.bad { color: var(--bad); } .warn { color: var(--warn); } .good { color: var(--good); } .status { font-weight: 700; }
code, pre, .rules td:first-child, .rules td:nth-child(2) { font: .9em/1.45 ui-monospace, monospace; }
pre { white-space: pre-wrap; margin: .4rem 0; padding: .6rem; background: var(--band); border: 1px solid var(--line); }
table { border-collapse: collapse; margin: .5rem 0; } caption { text-align: left; font-weight: 600; padding: .2rem 0; }
th, td { text-align: left; vertical-align: top; padding: .15rem .9rem .15rem 0; border-bottom: 1px solid var(--line); }
th, td { overflow-wrap: break-word; } .rules td:first-child, .rules td:nth-child(2) { white-space: nowrap; }
th { font-weight: 600; } thead th { color: var(--dim); font-size: .9em; }
article { border: 1px solid var(--line); border-left-width: .4rem; padding: .2rem 1rem .8rem; margin: 1rem 0; }
article.bad { border-left-color: var(--bad); color: inherit; } article.warn { border-left-color: var(--warn); color: inherit; }
article.good { border-left-color: var(--good); color: inherit; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; } dd { grid-column: 2; }
dt { font-weight: 600; } dd { margin: 0; min-width: 0; }
.policies { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0 2rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
a { color: inherit; } summary { cursor: pointer; }
.wide { overflow-x: auto; }
@media (max-width: 40rem) { body { padding: .8rem; } dl { grid-template-columns: 1fr; } dd { grid-column: 1; margin-left: 1rem; } }
@media print { :root { --text: #000; --dim: #333; --back: #fff; --line: #999; --band: #fff; --bad: #000; --warn: #000; --good: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; } article, tr { break-inside: avoid; } nav { display: none; }
  h2, h3 { break-after: avoid; } details::details-content { content-visibility: visible; block-size: auto; } }
`;
