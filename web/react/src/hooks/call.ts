// The call around, value by value: each hook draws its component anew only when its own value changes.
import { useEffect, useEffectEvent } from 'react';
import type { CallEvent, CallInfo, CallState, Capability, Message, PermissionRequest, Person } from '@thalweg/client';
import { useCall } from '../provider.js';
import { useValue } from './value.js';

/** A microphone in LiveKit's protocol. */
const MICROPHONE = 2;

/** What the server knows of the call; nothing before it was read. */
export function useInfo(): CallInfo | undefined {
  return useValue(useCall().info);
}

/** Where this user stands with the call: idle, joining, waiting, joined, reconnecting, left. */
export function useCallState(): CallState {
  return useValue(useCall().state);
}

/** Who is in the call: this user first, then the others as they came. */
export function usePeople(): readonly Person[] {
  return useValue(useCall().people);
}

/** Whether this user may do something in the call. */
export function useCan(capability: Capability): boolean {
  return useValue(useCall().capabilities).has(capability);
}

/** Who asks for more; empty for those who may not grant it. */
export function useRequests(): readonly PermissionRequest[] {
  return useValue(useCall().requests);
}

/** What was written in the chat, oldest first. */
export function useMessages(): readonly Message[] {
  return useValue(useCall().chat.messages);
}

/** How many look on: those in the call who show and say nothing. */
export function useViewerCount(): number {
  const count = useValue(useCall().count);
  const showing = usePeople().filter(isOnStage).length;
  return Math.max(0, count - showing);
}

/** Whether somebody is there to be seen or heard: an encoder, or a person who may publish. */
export function isOnStage(person: Person): boolean {
  return person.isEncoder || person.microphone || person.camera.on || person.screen.on || person.participant.permissions?.canPublish === true;
}

/** Whether somebody who is there may speak. */
export function speaksIn({ participant, microphone }: Person): boolean {
  const { canPublish = true, canPublishSources = [] } = participant.permissions ?? {};
  return microphone || (canPublish && (canPublishSources.length === 0 || canPublishSources.includes(MICROPHONE)));
}

/** Calls back with every event of a name. */
export function useCallEvent<Name extends CallEvent['event']>(name: Name, listener: (event: CallEvent<Name>) => void): void {
  const call = useCall();
  const hear = useEffectEvent(listener);
  useEffect(() => call.on(name, (event) => hear(event as CallEvent<Name>)), [call, name]);
}
