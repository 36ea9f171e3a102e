#!/usr/bin/env node
// Writes dashboards/*.json from source/*.mjs; with --check it only says whether they differ.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const at = (path) => new URL(path, import.meta.url);
const check = process.argv.includes('--check');
const names = readdirSync(at('source')).filter((name) => name !== 'kit.mjs').map((name) => name.replace('.mjs', ''));
const old = readdirSync(at('dashboards')).filter((name) => !names.includes(name.replace('.json', '')));
const differ = old.map((name) => `${name} has no source`);

for (const name of names) {
  const { default: dashboard } = await import(at(`source/${name}.mjs`));
  const rendered = `${JSON.stringify(dashboard, null, 2)}\n`;
  const path = at(`dashboards/${name}.json`);
  if (!check) writeFileSync(path, rendered);
  else {
    let kept = '';
    try { kept = readFileSync(path, 'utf8'); } catch { /* it is missing, and so differs */ }
    if (kept !== rendered) differ.push(`${name}.json is not what source/${name}.mjs says`);
  }
}
if (differ.length > 0) {
  console.error(`${differ.join('\n')}\nrun deploy/grafana/render.mjs and commit what it writes`);
  process.exitCode = 1;
} else console.log(`${names.length} dashboards ${check ? 'are what their sources say' : 'written'}`);
