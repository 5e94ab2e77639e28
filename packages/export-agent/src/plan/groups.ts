/** Sites that carry the same repositories share a bundle. Pure. */

export interface Addressee {
  readonly site: string;
  readonly repositories: readonly string[];
}

export interface Group {
  readonly sites: readonly string[];
  readonly repositories: readonly string[];
}

/** In the order of the first site of each group. */
export const groupSites = (addressees: readonly Addressee[]): Group[] => {
  const groups = new Map<string, { sites: string[]; repositories: readonly string[] }>();
  for (const { site, repositories } of addressees) {
    const key = JSON.stringify(repositories.toSorted());
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { sites: [site], repositories });
    else group.sites.push(site);
  }
  return [...groups.values()];
};
