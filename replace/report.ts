import { asHtml } from '../schema/html.ts';
import { Conditions } from './conditions.ts';
import type { Entry, Journal } from './journal.ts';
import { LETTERS, type Plan, placeWords } from './plan.ts';
import type { Standing } from './progress.ts';
import type { Step } from './step.ts';

/** The plan for people: every step with what is checked, how long it interrupts, and how to go back. With `standing`: which are done. */
export function planText(plan: Plan, steps: readonly Step[], standing?: Standing): string {
  const units = LETTERS.flatMap(letter => {
    const unit = plan.units[letter];
    if (unit === undefined) return [];
    const { name, mode, model, release, place, id } = unit;
    const known = id === null ? 'not answering' : `${model}, release ${release}`;
    return [`  ${letter}  ${name}, HA ${mode} mode, ${known}, at ${placeWords(place)}`];
  });
  const lines = steps.flatMap((step, index) => {
    const head = `${mark(standing, index)} ${index + 1}. ${step.title}${step.appliance === '' ? '' : `  [appliance: ${step.appliance}]`}`;
    return standing === undefined ? ['', head, ...details(step)] : [head];
  });
  const always = new Conditions(plan).guards({}).says;
  return [
    `Replacement (${plan.kind}), planned ${plan.at} by ${plan.by}`,
    ...units,
    ...(standing === undefined ? ['', `Measured before every step: ${always}.`] : ['']),
    ...lines,
  ].join('\n');
}

function details(step: Step): string[] {
  const { action, does, interruption, back } = step;
  return [
    `     ${action === undefined ? 'by hand: ' : ''}${does}`,
    ...checks(step),
    `     interruption: ${interruption} · back: ${back}`,
  ];
}

function checks({ before, after }: Step): string[] {
  return [
    ...(before.says === '' ? [] : [`     measured before: ${before.says}`]),
    `     measured after: ${after.says}`,
  ];
}

function mark(standing: Standing | undefined, index: number): string {
  if (standing === undefined) return ' ';
  if (index < standing.next) return '✓';
  return index === standing.next ? '→' : ' ';
}

/** Where it stands. */
export function standingText(journal: Journal, steps: readonly Step[], standing: Standing): string {
  const { step, next, missing, obstacles } = standing;
  const head = `${journal.isBack ? 'Going back: ' : ''}${next} of ${steps.length} steps are done.`;
  if (step === undefined) return `${head} Nothing is left to do.`;
  const kind = step.action === undefined ? 'Next, by hand' : 'Next';
  return [
    head,
    `${kind}: ${step.id}: ${step.does}`,
    ...missing.map(reason => `  not yet: ${reason}`),
    ...obstacles.map(reason => `  in the way: ${reason}`),
    `  to go back: ${step.back}`,
  ].join('\n');
}

/** What was done, by whom and when: text. */
export function reportText(journal: Journal): string {
  const { plan, entries } = journal;
  return [planHead(plan), '', ...entries.map(line)].join('\n');
}

function planHead(plan: Plan): string {
  const names = LETTERS.flatMap(letter => {
    const unit = plan.units[letter];
    return unit === undefined
      ? []
      : [`${letter}: ${unit.name} (HA ${unit.mode} mode, ${unit.id ?? 'unknown id'})`];
  });
  return `Replacement of units (${plan.kind})\n${names.join('\n')}`;
}

function line({ at, by, event, step, facts }: Entry): string {
  return [at, by, event, step, factWords(facts)].filter(part => part !== '').join('  ');
}

function factWords(facts: Entry['facts']): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}table{border-collapse:collapse;width:100%}' +
  'th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d5dae0}code{overflow-wrap:anywhere}.refused{color:#b3161b}';

/** The same as one page: no script, nothing from elsewhere, every value escaped. */
export function reportPage(journal: Journal): string {
  const rows = journal.entries.map(
    ({ at, by, event, step, facts }) =>
      `<tr class="${event}">${[at, by, event, step].map(value => `<td>${asHtml(value)}</td>`).join('')}<td><code>${asHtml(factWords(facts))}</code></td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Replacement of units</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Replacement of units</h1>
<pre>${asHtml(planHead(journal.plan))}</pre>
<table>
<thead><tr><th>When</th><th>Who</th><th>What</th><th>Step</th><th>Facts</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</body>
</html>
`;
}
