/** A plain table for the terminal: columns two spaces apart, numbers to the right. */
import { escapeText } from './escape.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

const padded = (text: string, width: number, align: Column['align']): string =>
  align === 'right' ? text.padStart(width) : text.padEnd(width);

/** Lines without trailing spaces: the titles, then one per row. Cells are escaped. */
export const formatTable = (columns: readonly Column[], rows: readonly (readonly string[])[]): string[] => {
  const cells = [columns.map((column) => column.title), ...rows.map((row) => row.map(escapeText))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  return cells.map((row) =>
    columns
      .map((column, at) => padded(row[at] ?? '', widths[at] ?? 0, column.align))
      .join('  ')
      .trimEnd(),
  );
};

/** `name  value` lines with the values below each other. */
export const formatPairs = (pairs: readonly (readonly [name: string, value: string])[]): string[] => {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${escapeText(value)}`.trimEnd());
};
