/** Small HTTP servers on the loopback. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join, normalize } from 'node:path';

export interface Loopback {
  readonly url: string;
  /** Paths that were asked for, in order. */
  readonly requests: string[];
  close(): Promise<void>;
}

type Answer = (path: string, response: ServerResponse, url: string) => void;

const notThere = (response: ServerResponse): void => {
  response.writeHead(404).end();
};

export const sendFile = (file: string, response: ServerResponse): void => {
  if (!existsSync(file) || !statSync(file).isFile()) {
    notThere(response);
    return;
  }
  response.writeHead(200, { 'content-length': statSync(file).size });
  createReadStream(file).pipe(response);
};

/** Serves what `answer` says on a free port of 127.0.0.1. */
export const serve = async (answer: Answer): Promise<Loopback> => {
  const requests: string[] = [];
  let url = '';
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    requests.push(path);
    if (normalize(path).startsWith('..')) notThere(response);
    else answer(path, response, url);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};

/** A static file server. */
export const serveFolder = (root: string): Promise<Loopback> =>
  serve((path, response) => sendFile(join(root, path), response));
