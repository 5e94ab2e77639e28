// Holds docs/format.md, the code that cites it and the vectors together. Plain JavaScript, part of `npm run lint`.
// `--fix` writes the table of §11 anew out of the vectors.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const SPEC = join(root, 'docs', 'format.md');
const VECTORS = join(root, 'test', 'vectors');
const spec = readFileSync(SPEC, 'utf8');
const problems = [];

const sections = new Set([...spec.matchAll(/^#{2,4} (\d+(?:\.\d+)*) \S/gm)].map((found) => found[1]));
const requireSection = (section, where) => {
  if (!sections.has(section))
    problems.push(`${where}: cites format §${section}, which is no heading of docs/format.md`);
};

// 1. every section that code cites
for (const name of readdirSync(join(root, 'packages'))) {
  const source = join(root, 'packages', name, 'src');
  for (const file of readdirSync(source, { recursive: true }).filter((path) => path.endsWith('.ts'))) {
    readFileSync(join(source, file), 'utf8')
      .split('\n')
      .forEach((line, i) => {
        for (const cited of line.matchAll(/\bformat §([\d.]*\d)(?:(?:,? (?:to|and)|,) §([\d.]*\d))?/g))
          for (const section of cited.slice(1))
            if (section !== undefined) requireSection(section, `packages/${name}/src/${file}:${i + 1}`);
      });
  }
}

// 2. every section that the text itself points to
for (const pointed of spec.matchAll(/§(\d+(?:\.\d+)*)/g)) requireSection(pointed[1], 'docs/format.md');

// 3. every vector: its section, its code, its row in §11
const errors = readFileSync(join(root, 'packages', 'bundle-format', 'src', 'errors.ts'), 'utf8');
const codes = new Set([...errors.matchAll(/^ {2}([A-Z][A-Z0-9_]+): '/gm)].map((found) => found[1]));
const byNumber = (a, b) => a.localeCompare(b, 'en', { numeric: true });
const read = (folder) =>
  readdirSync(join(VECTORS, folder))
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({
      name: file.replace(/\.json$/, ''),
      ...JSON.parse(readFileSync(join(VECTORS, folder, file), 'utf8')),
    }))
    .sort((a, b) => byNumber(a.spec, b.spec) || byNumber(a.name, b.name));
const bad = read('bad');
for (const vector of [...bad, ...read('accepted')]) {
  requireSection(vector.spec.replace('§', ''), `vector ${vector.name}`);
  if (vector.expect !== 'ok' && !codes.has(vector.expect))
    problems.push(`vector ${vector.name}: ${vector.expect} is no code of errors.ts`);
}

const rows = bad.map(
  ({ spec: section, says, expect, name }) =>
    `| ${section} | ${says.replaceAll('|', '\\|')} | \`${expect}\` | \`${name}\` |`,
);
const table = ['| section | MUST reject | code | vector |', '|---|---|---|---|', ...rows].join('\n');
const place = /(<!-- vectors -->\n)[^]*?(\n?<!-- \/vectors -->)/;
const fixed = spec.replace(place, (_, start) => `${start}${table}\n<!-- /vectors -->`);
if (!place.test(spec)) problems.push('docs/format.md: §11 has lost its place for the table');
else if (process.argv.includes('--fix')) writeFileSync(SPEC, fixed);
else if (fixed !== spec) {
  const written = new Set(spec.split('\n'));
  const missing = rows.filter((row) => !written.has(row));
  const known = new Set(rows);
  const stale = [...written].filter((line) => /^\| §.*\| `[^`]+` \|$/.test(line) && !known.has(line));
  for (const row of missing) problems.push(`docs/format.md §11: lacks the row ${row}`);
  for (const row of stale) problems.push(`docs/format.md §11: no vector is behind the row ${row}`);
  if (missing.length + stale.length === 0) problems.push('docs/format.md §11: the rows are in another order (--fix)');
}

for (const problem of problems) console.error(problem);
if (problems.length === 0)
  console.error(`specification: ${sections.size} sections, ${bad.length} rejections, each with its vector`);
process.exitCode = problems.length === 0 ? 0 : 1;
