import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { STEPS } from '../../audit/doctor/check.ts';
import { CHECKS } from '../../audit/doctor/doctor.ts';
import { STEP_CHECKS } from '../../audit/doctor/steps.ts';
import { table } from '../../audit/explain/tables.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { loadCatalog } from '../../schema/catalog.ts';

/** The lines that the documents tell people to type. */
function typedInDocuments(): string[] {
  const guides = readdirSync('docs/guide').map(name => `docs/guide/${name}`);
  return ['README.md', 'docs/REPLACEMENT.md', ...guides].flatMap(file =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map(line => line.replace(/ #.*/, '')),
  );
}

/** Everything that the doctor and `lockstep explain` tell people to type. */
function hints(): string[] {
  const checks = [...CHECKS, ...STEPS.flatMap(step => STEP_CHECKS[step])];
  const advice = [
    ...Object.values(table('errors')),
    ...Object.values(table('log-messages')),
    ...table('keepalived'),
    ...table('ucarp'),
  ];
  return [
    ...checks.flatMap(({ hint }) => hint ?? []),
    ...advice.flatMap(({ look }) => look),
    ...typedInDocuments(),
  ];
}

interface Named {
  hint: string;
  command: string;
  rest: string;
}

/** Each `lockstep COMMAND …` in a text, up to where the next sentence begins. */
function commandsIn(hint: string): Named[] {
  return [
    ...hint.matchAll(/\blockstep (?:--unit \S+ )?([a-z-]+)((?:(?!\blockstep |[;,)`]|:(?!\d)| then ).)*)/g),
  ].map(([, command = '', rest = '']) => ({ hint, command, rest }));
}

describe('what people are told to type', () => {
  const all = hints().flatMap(commandsIn);

  it('are commands that exist, with options that they have', async () => {
    assert.ok(all.length > 80, `${all.length}`);
    for (const { hint, command, rest } of all) {
      const entry = COMMANDS[command];
      assert.ok(entry, `${command}: ${hint}`);
      const verbs = Object.keys(entry.verbs ?? {});
      const [first = ''] = rest.trim().split(' ');
      const usual = Object.entries(entry.verbs ?? {}).find(each => each[1].usual)?.[0];
      if (verbs.length > 0 && usual === undefined && /^[a-z]+$/.test(first))
        assert.ok(verbs.includes(first), `${command} ${first}: ${hint}`);
      const verb = entry.verbs?.[first] ?? entry.verbs?.[usual ?? verbs[0] ?? ''];
      const defined = new Command();
      (await (entry.load ?? verb?.load)?.())?.command.define?.(defined);
      const known = [
        ...defined.options.map(({ long }) => long),
        '--json',
        '--help',
        '--dir',
        '--unit',
        '--identity',
        '--host-key',
      ];
      for (const [flag] of rest.matchAll(/--[a-z][a-z-]+/g))
        assert.ok(known.includes(flag), `${flag}: ${hint}`);
      const choices = defined.registeredArguments[0]?.argChoices;
      if (choices !== undefined && /^[a-z]+$/.test(first))
        assert.ok(choices.includes(first), `${command} ${first}: ${hint}`);
    }
  });

  it('name places of the configuration that exist', () => {
    const catalog = loadCatalog();
    for (const { hint, command, rest } of all) {
      if (!['set', 'unset', 'show'].includes(command)) continue;
      const [path = ''] = rest
        .trim()
        .replaceAll('NAME', 'eth0')
        .replaceAll("'", '')
        .split(/ |\.(?!\d)/);
      if (path.includes('/')) assert.doesNotThrow(() => catalog.resolve(path), hint);
    }
  });
});
