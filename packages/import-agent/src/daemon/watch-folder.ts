/** Notices files that arrive in a plain folder. A medium is never watched so: a watch does not see a filesystem that is mounted over it. */
import { relative, sep } from 'node:path';
import { watch } from 'chokidar';
import { BUNDLES } from '@gapferry/bundle-format/layout';

export interface FolderWatch {
  close(): Promise<void>;
}

/** Only `gapferry/bundles/<bundle>/<file>`, no link followed; the folders may be made later. `onError` hears of each failure: without a listener the process would end. */
export function watchFolder(folder: string, onChange: () => void, onError: (error: unknown) => void): FolderWatch {
  const way = BUNDLES.split('/');
  const watcher = watch(folder, {
    followSymlinks: false,
    depth: way.length + 2,
    ignoreInitial: true,
    ignorePermissionErrors: true,
    ignored: (path) => !isOnTheWay(relative(folder, path), way),
  });
  watcher.on('all', onChange);
  watcher.on('error', onError);
  return { close: () => watcher.close() };
}

/** The folders down to the bundles, and everything below them; nothing beside. */
function isOnTheWay(path: string, way: readonly string[]): boolean {
  const parts = path === '' ? [] : path.split(sep);
  return parts.slice(0, way.length).every((part, n) => part === way[n]);
}
