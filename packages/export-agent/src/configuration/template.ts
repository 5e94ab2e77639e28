/** The configuration that `init` writes: what was asked for, and every other key with its default as a comment. */

import type { Place } from '@gapferry/station/media/place';

export interface InitWish {
  readonly repositories: readonly { readonly name: string; readonly preset: string; readonly path: string }[];
  readonly sites: readonly string[];
  readonly place: Place;
}

/** A JSON string is a YAML scalar, whatever is in it. */
const quoted = (text: string): string => JSON.stringify(text);

export const configurationText = ({ repositories, sites, place }: InitWish): string => `\
# Gapferry export agent. Relative paths begin at the folder of this file.
# Check it with: gapferry-export doctor --config THIS-FILE

# What the agent remembers: ledger, frozen metadata, bundles that wait for a medium. Back it up together with the key.
state: state
logs: logs
# The secret key that signs bundles. Nobody else may read it. Its public half, exporter.pub, goes to the sites.
key: exporter.key

# What is carried. preset: tree, apt, npm, or one of your own (see "presets").
repositories:
${repositories.map(({ name, preset, path }) => `  ${name}:\n    preset: ${preset}\n    path: ${quoted(path)}\n`).join('')}
# Folders with presets of your own.
# presets: [presets]

# Who receives. A site gets all repositories unless it names some. Its key is enrolled with
# "gapferry-export site add SITE --key site.pub"; a full bundle may leave before that.
${
  sites.length === 0
    ? '# sites:\n#   plant7: {}\n'
    : `sites:\n${sites.map((site) => `  ${site}: {}\n`).join('')}#  other: { repositories: [${repositories[0]?.name ?? 'name'}] }\n`
}
# Where bundles go and receipts come from, first present one first.
#   medium: a mount point; nothing is ever written to it while nothing is mounted there
#   folder: a plain folder (a share, a drop box)
media:
  - ${place.kind}: ${quoted(place.path)}

# When "gapferry-export run" makes bundles by itself: minute hour day month weekday. A run that was missed is made up for at the next start.
# Without a medium at that time the bundle waits in the outbox.
# schedule: { cron: "0 3 * * *", timeZone: UTC }

# Does a medium that is plugged in get a bundle at once, when there is something to bring?
# onArrival: true

# bundle:
#   volumeBytes: 4092 MiB     # no file on a medium becomes longer; the default fits FAT32
#   packBelow: 64 KiB         # smaller files share a ZIP within the ZIP
#   expires: 180 days         # sites refuse a bundle that is older
#   basis: acknowledged       # what receipts confirm counts as held; "sent" where nothing ever comes back
#   overdue: 14 days          # a bundle without an answer counts as lost after that
#   renewAfter: 30 days       # when nothing changed, a bundle without content renews the expiry

# threads: 2                  # that read and hash the sources
`;
