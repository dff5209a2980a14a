/** A LIKE pattern that matches texts which contain `part`, its own wildcards taken literally. */
export const containing = (part: string): string => `%${part.replace(/[\\%_]/g, '\\$&')}%`;
