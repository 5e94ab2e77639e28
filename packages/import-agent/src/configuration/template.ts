/** The configuration that `init` writes: what was asked for, and every other key with its default as a comment. */
import type { Place } from '@gapferry/station/media/place';

export interface InitWish {
  readonly site: string;
  readonly repositories: readonly { readonly name: string; readonly preset: string; readonly path: string }[];
  readonly place: Place;
}

/** A JSON string is a YAML scalar, whatever is in it. */
const quoted = (text: string): string => JSON.stringify(text);

export const configurationText = ({ site, repositories, place }: InitWish): string => `\
# Gapferry import agent. Relative paths begin at the folder of this file.
# Check it with: gapferry-import doctor --config THIS-FILE

# The name of this site, as the exporter knows it. Bundles for other sites are refused.
site: ${site}

# What the agent remembers: journal, manifests as they came, receipts. Back it up together with the key.
state: state
logs: logs
# The secret key that signs receipts. Nobody else may read it. Its public half, site.pub, goes to the exporter.
key: site.key
# Whose bundles are taken. It changes by "gapferry-import trust add" and "trust revoke" only.
trust: trust.json

# What is received, and where clients read it. preset: tree, apt, npm, or one of your own (see "presets"), the same as at the exporter.
#   prune: unlisted   takes content away that is no longer named (default: as the preset says)
#   facts: { ... }    settings that must be the same at both sides
repositories:
${repositories.map(({ name, preset, path }) => `  ${name}:\n    preset: ${preset}\n    path: ${quoted(path)}\n`).join('')}
# Folders with presets of your own.
# presets: [presets]

# Where bundles come from and receipts go to.
#   medium: a mount point; nothing is ever read from it or written to it while nothing is mounted there
#   folder: a plain folder (a share, a drop box)
media:
  - ${place.kind}: ${quoted(place.path)}

# Does this site write receipts onto media? With "false" nothing of it ever leaves.
# receipts: true

# look:
#   every: 2 s      # how often a mounted medium is looked at again
#   stall: 60 s     # a medium that gives no sign of life for so long is given up
`;
