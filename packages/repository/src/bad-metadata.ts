/** Metadata that does not say what its kind must say. The message follows the name of the file: `has no Filename in paragraph 3`. */
export class BadMetadata extends Error {}
