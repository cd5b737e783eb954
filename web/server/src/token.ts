// Tokens, signed and checked with HS256 (RFC 7515, RFC 7519).
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What a token says. */
export type Claims = Record<string, unknown>;

const HEADER = encode({ alg: 'HS256', typ: 'JWT' });

/** Signs claims. */
export function sign(claims: Claims, secret: string): string {
  const text = `${HEADER}.${encode(claims)}`;
  return `${text}.${mac(text, secret).toString('base64url')}`;
}

/** Checks a token, and gives its claims; nothing when it is not signed with the secret, or its time is over or has not come. */
export function verify(token: string, secret: string, nowS: number, leewayS: number): Claims | undefined {
  const [header = '', body = '', signature = '', ...more] = token.split('.');
  if (more.length > 0 || decode(header)?.['alg'] !== 'HS256') return undefined;
  const given = Buffer.from(signature, 'base64url');
  const own = mac(`${header}.${body}`, secret);
  if (given.length !== own.length || !timingSafeEqual(given, own)) return undefined;
  const claims = decode(body);
  if (!claims || typeof claims['exp'] !== 'number' || claims['exp'] + leewayS <= nowS) return undefined;
  if (typeof claims['nbf'] === 'number' && claims['nbf'] - leewayS > nowS) return undefined;
  return claims;
}

/** The SHA-256 of a body, as webhooks carry it: in base64. */
export function digest(body: string | Uint8Array): Buffer {
  return createHash('sha256').update(body).digest();
}

/** Whether a claim holds a digest, in plain or URL-safe base64. */
export function holds(claim: unknown, own: Buffer): boolean {
  if (typeof claim !== 'string') return false;
  const given = Buffer.from(claim, 'base64');
  return given.length === own.length && timingSafeEqual(given, own);
}

function mac(text: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}
