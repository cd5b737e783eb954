// What bundlers understand and the compiler does not: style sheets.
declare module '*.css';
