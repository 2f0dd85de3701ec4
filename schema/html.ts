import { withoutUnseen } from './printable.ts';

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand in an element or in an attribute of a page. */
export function asHtml(text: string): string {
  return withoutUnseen(text).replaceAll(/[&<>"']/g, character => ENTITIES[character] ?? '');
}
