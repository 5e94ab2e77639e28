/** The errno name of a system error, or undefined. By its shape: an error of another realm is an error as well. */
export const errnoOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
