// A back end's way to a Thalweg server: tokens, users, calls, webhooks.
export { ThalwegServer, type ServerOptions, type TokenOptions, type WebhookEvent } from './server.js';
export type { ServerCall } from './call.js';
export { ThalwegError, type ThalwegErrorCode } from './error.js';
export type * from '@thalweg/api';
