// Identifiers of things in documents: unique without asking anybody.
export const newId = (): string => crypto.randomUUID();
