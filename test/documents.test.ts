import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const documents = execFileSync('git', ['ls-files', '*.md'], { encoding: 'utf8' }).trim().split('\n');

/** What GitHub calls the place of a heading. */
function anchorsOf(file: string): string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the documents', () => {
  it('link to places that exist', () => {
    const broken: string[] = [];
    for (const document of documents)
      for (const [, link = ''] of readFileSync(document, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link)) continue;
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? document : path.join(document, '..', file);
        const isThere =
          existsSync(target) && (anchor === undefined || anchorsOf(target).includes(anchor.toLowerCase()));
        if (!isThere) broken.push(`${document}: ${link}`);
      }
    assert.deepEqual(broken, []);
  });

  it('name files of the sources that exist', () => {
    const broken: string[] = [];
    for (const document of documents.filter(name => !name.startsWith('docs/decisions/')))
      for (const [, file = ''] of readFileSync(document, 'utf8').matchAll(
        /`((?:host|schema|loadmaster|store|sync|backup|certs|audit|unit|api|replace|cli|test|scripts|bench|examples)\/[\w./-]+\.\w+)`/g,
      ))
        if (!file.includes('NAME') && !existsSync(file)) broken.push(`${document}: ${file}`);
    assert.deepEqual(broken, []);
  });
});
