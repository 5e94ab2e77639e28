/** The order of publishing, as data. */

/** What a preset says of one metadata phase, from 1 on. */
export interface Phase {
  /** Files named by their digest: never replaced, and safe before anything that changes. */
  readonly immutable: boolean;
}

export type Stage =
  /** New content paths, links and empty folders. */
  | { readonly do: 'content' }
  /** Content whose path exists with other bytes. */
  | { readonly do: 'replacements' }
  | { readonly do: 'metadata'; readonly phase: number }
  /** What the new inventory no longer names. */
  | { readonly do: 'tombstones' };

/**
 * Content first; metadata phase by phase, the root pointer last; replacements of content right before the first metadata that changes, so that the moment
 * in which old metadata see new content is as short as can be; what goes, goes last (DESIGN section 7.6).
 */
export function planStages(phases: readonly Phase[]): Stage[] {
  const stages: Stage[] = [{ do: 'content' }];
  let replaced = false;
  phases.forEach(({ immutable }, i) => {
    if (!immutable && !replaced) {
      stages.push({ do: 'replacements' });
      replaced = true;
    }
    stages.push({ do: 'metadata', phase: i + 1 });
  });
  if (!replaced) stages.push({ do: 'replacements' });
  stages.push({ do: 'tombstones' });
  return stages;
}
