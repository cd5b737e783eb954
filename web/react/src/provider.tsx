// What the parts find around them: the client, and the call.
import { createContext, useContext, type ReactNode } from 'react';
import type { Call, ThalwegClient } from '@thalweg/client';

const ClientContext = createContext<ThalwegClient | undefined>(undefined);
const CallContext = createContext<Call | undefined>(undefined);

/** Gives a client to all below. One for each app is enough. */
export function ThalwegProvider({ client, children }: { client: ThalwegClient; children: ReactNode }) {
  return <ClientContext value={client}>{children}</ClientContext>;
}

/** Gives a call to all below. */
export function CallProvider({ call, children }: { call: Call; children: ReactNode }) {
  return <CallContext value={call}>{children}</CallContext>;
}

/**
 * The client around.
 * @throws Error outside of a `ThalwegProvider`.
 */
export function useClient(): ThalwegClient {
  return found(useContext(ClientContext), 'ThalwegProvider');
}

/**
 * The call around.
 * @throws Error outside of a `CallProvider`.
 */
export function useCall(): Call {
  return found(useContext(CallContext), 'CallProvider');
}

function found<T>(value: T | undefined, provider: string): T {
  if (value === undefined) throw new Error(`this part of @thalweg/react needs a <${provider}> around it`);
  return value;
}
