/**
 * Joins a name from metadata to a folder of the repository (`''` is its top). `./` and double slashes are dropped.
 * @returns `undefined` for a name that is empty, absolute, or leads out of the repository: metadata is not to be believed in this
 */
export const joinInside = (folder: string, name: string): string | undefined => {
  if (name.startsWith('/')) return undefined;
  const components = name.split('/').filter((component) => component !== '' && component !== '.');
  if (components.length === 0 || components.includes('..')) return undefined;
  const path = components.join('/');
  return folder === '' ? path : `${folder}/${path}`;
};

/** The folder of a path, `''` for the top. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** The last component of a path. */
export const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
