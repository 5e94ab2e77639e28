/** 0 objects, 1 object, 2 objects. @param what a word whose plural is made with s */
export const formatCount = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
