/**
 * The same tweetnacl, loaded outside Jest's sandbox: within it each look at a global costs so much that one signature takes 100 ms instead of 15.
 * `jest.unstable_mockModule('tweetnacl', nativeNacl)` before anything of ours is imported.
 */
export const nativeNacl = (): { default: unknown } => {
  const { createRequire } = process.getBuiltinModule('node:module');
  const load: (name: string) => unknown = createRequire(import.meta.url);
  return { default: load('tweetnacl') };
};
