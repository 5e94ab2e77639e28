/**
 * A tiny static npm registry on 127.0.0.1 over a published repository: packuments with their tarball addresses turned to itself, and tarballs.
 * It opens nothing but `<package>/package.json` and `<package>/*.tgz`.
 */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream';

export interface Registry {
  readonly url: string;
  /** What was asked for, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** Names that npm allows; so no `..` and no empty piece can be asked for. */
const PACKAGE = String.raw`(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*`;
const TARBALL = new RegExp(`^/(${PACKAGE})/-/([a-z0-9~-][A-Za-z0-9._~+-]*\\.tgz)$`);
const PACKUMENT = new RegExp(`^/(${PACKAGE})$`);

const answerJSON = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
};

/** `http://anywhere/<package>/-/<file>.tgz` → this registry; other text stays as it is. */
const turnedHere = (packument: string, url: string): string =>
  packument.replaceAll(/("tarball":\s*")https?:\/\/[^/"]+/g, (_, start: string) => `${start}${url}`);

export const serveRegistry = (root: string): Promise<Registry> =>
  new Promise((resolve, reject) => {
    const asked: string[] = [];
    let url = '';
    const server = createServer((request, response) => {
      const path = decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/'); // scoped names come as @scope%2fname
      asked.push(path);
      const [, name, file] = TARBALL.exec(path) ?? [];
      if (name !== undefined && file !== undefined) return sendTarball(join(root, name, file), response);
      const [, wanted] = PACKUMENT.exec(path) ?? [];
      const document = wanted === undefined ? undefined : join(root, wanted, 'package.json');
      if (document === undefined || !existsSync(document)) return answerJSON(response, 404, '{"error":"not found"}');
      return answerJSON(response, 200, turnedHere(readFileSync(document, 'utf8'), url));
    });
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
      const close = (): Promise<void> =>
        new Promise((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      resolve({ url, asked, close });
    });
  });

const sendTarball = (file: string, response: ServerResponse): void => {
  if (!existsSync(file)) return answerJSON(response, 404, '{"error":"not found"}');
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  pipeline(createReadStream(file), response, () => undefined); // a client that went away is its own affair
};
