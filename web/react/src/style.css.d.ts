// A style sheet has no values; this lets TypeScript take the import.
export {};
