/**
 * The closure of an npm registry kept as files: each version of a package document names a tarball beside the document; if it is there,
 * it has the digest that the document says.
 */

import { BadMetadata } from '../bad-metadata.ts';
import type { ClosureFindings } from '../closure-report.ts';
import { baseOf, folderOf, joinInside } from '../inside.ts';
import { readText } from '../read-text.ts';
import type { RepositoryView } from '../view.ts';
import { parseIntegrity, type Expected } from './integrity.ts';
import { parsePackument, type PackageVersion } from './packument.ts';

const DOCUMENT = 'package.json';
/** The largest documents of the public registry have some 100 MB. */
const LARGEST_DOCUMENT = 256 * 1024 * 1024;

export const checkNpm = async (view: RepositoryView, findings: ClosureFindings): Promise<void> => {
  for (const path of view.paths()) {
    if (baseOf(path) === DOCUMENT) await checkDocument(view, path, findings);
  }
};

const checkDocument = async (view: RepositoryView, path: string, findings: ClosureFindings): Promise<void> => {
  if (view.file(path) === undefined) return findings.absent(path, path, `${path} leads to nothing`);
  const versions = await readVersions(view, path, findings);
  for (const version of versions) await checkVersion(view, path, version, findings);
};

const readVersions = async (
  view: RepositoryView,
  path: string,
  findings: ClosureFindings,
): Promise<PackageVersion[]> => {
  try {
    const versions = parsePackument(await readText(view, path, LARGEST_DOCUMENT));
    if (versions === undefined) findings.note(`${path}: lists no versions, so there was nothing to check`);
    return versions ?? [];
  } catch (error) {
    if (!(error instanceof BadMetadata)) throw error;
    findings.problem('META_VALUE', path, '', `${path} ${error.message}`);
    return [];
  }
};

/** What the tarball must be. An integrity that cannot be read falls back to the SHA-1 that stands beside it. */
const expectedOf = ({ integrity, shasum }: PackageVersion): Expected | undefined => {
  const strong = integrity === undefined ? undefined : parseIntegrity(integrity);
  if (strong !== undefined) return strong;
  if (shasum === undefined || !/^[0-9a-f]{40}$/i.test(shasum)) return undefined;
  return { algorithm: 'sha1', digests: [shasum.toLowerCase()] };
};

const checkVersion = async (
  view: RepositoryView,
  from: string,
  version: PackageVersion,
  findings: ClosureFindings,
): Promise<void> => {
  findings.reference();
  const path = joinInside(folderOf(from), version.file) ?? version.file;
  const file = view.file(path);
  if (file === undefined)
    return findings.absent(from, path, `${from} names ${path} as version ${version.version}, which is not there`);
  const expected = expectedOf(version);
  if (expected === undefined)
    return findings.note(`${from}: version ${version.version} has no digest to check ${path} by`);
  const digest = expected.algorithm === 'sha256' ? file.sha256 : await view.digest(path, expected.algorithm);
  if (expected.digests.includes(digest)) return;
  const says = `${path} has another ${expected.algorithm} than ${from} says of version ${version.version}`;
  findings.problem('META_HASH', from, path, says);
};
