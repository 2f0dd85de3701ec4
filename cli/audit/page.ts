/** An audit as one page: no script, nothing from elsewhere, every value escaped. */

import type { AuditFinding, AuditReport } from '../../api/contract/audits.ts';
import { asHtml } from '../../schema/html.ts';
import { printable } from '../../schema/printable.ts';
import { CLASS_WORDS, headline, MOVING, namesOf, valueWords, whereWords } from './text.ts';

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24}
h1{font-size:1.3rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d5dae0}
code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}.corruption,.local-edit,.missed{color:#b3161b}.not-sent,.changed,.mirror{color:#8a5a00}
.release,.by-design{color:#5b6570}small{color:#5b6570}@media(prefers-color-scheme:dark){body{background:#15181c;color:#dfe3e8}th,td{border-color:#39404a}
.corruption,.local-edit,.missed{color:#ff8a80}.not-sent,.changed,.mirror{color:#f0c060}small,.release,.by-design{color:#9aa4b0}}`;

export function formatPage(report: AuditReport): string {
  const { a, b, findings, more } = report;
  const names = namesOf(report);
  const rows = findings.map(finding => row(report, finding)).join('\n');
  const table =
    findings.length === 0
      ? ''
      : `<table>\n<thead><tr><th>Class</th><th>What</th><th>Field</th><th>${text(names.a)}</th><th>${text(names.b)}</th></tr></thead>\n<tbody>\n${rows}\n</tbody>\n</table>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${text(`Audit: ${a.name} and ${b.name}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${text(headline(report))}</h1>
<p><small>${text(report.at)} · digests <code>${text(a.digest)}</code> and <code>${text(b.digest)}</code></small></p>
${table}
${more > 0 ? `<p>and ${more} more</p>` : ''}
${report.settled ? '' : `<p>${text(MOVING)}</p>`}
</body>
</html>
`;
}

function row(report: AuditReport, finding: AuditFinding): string {
  const { class: found, path, fields, reason = '' } = finding;
  const about = [whereWords(report, finding), printable(reason)].filter(part => part !== '').join('; ');
  const head = `<td class="${found}" rowspan="${Math.max(1, fields.length)}">${text(CLASS_WORDS[found])}</td><td rowspan="${Math.max(1, fields.length)}"><code>${text(path)}</code><br><small>${text(about)}</small></td>`;
  if (fields.length === 0) return `<tr>${head}<td></td><td></td><td></td></tr>`;
  return fields.map((field, index) => `<tr>${index === 0 ? head : ''}${fieldCells(field)}</tr>`).join('\n');
}

function fieldCells({ field, a, b, hidden }: AuditFinding['fields'][number]): string {
  const values =
    hidden === true ? '<td colspan="2">differs</td>' : `${cell(valueWords(a))}${cell(valueWords(b))}`;
  return `${cell(field)}${values}`;
}

function cell(value: string): string {
  return `<td><code>${text(value)}</code></td>`;
}

function text(value: string): string {
  return asHtml(printable(value));
}
