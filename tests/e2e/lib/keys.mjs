// The key that signs all tokens here, and its secret: `secret` in development mode, unless the suite has given the server another.
export const KEY = 'devkey';
export const SECRET = process.env.THALWEG_SECRET ?? 'secret';
/** One that cannot be guessed: with any other a server listens on loopback only. */
export const LONG_SECRET = 'a river bends where its bank gives way, and nowhere else';
