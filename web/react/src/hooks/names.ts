// What people are called and look like: those who are there, and those who only wrote something once.
import { useEffect, useState } from 'react';
import { useClient } from '../provider.js';
import { usePeople } from './call.js';

/** Who somebody is, for others. */
export interface Profile {
  readonly name: string;
  /** The address of a picture. */
  readonly image: string | undefined;
}

/** Profiles that were asked for, by user; shared by all parts of a page. */
const asked = new Map<string, Promise<Profile | undefined>>();
/** More profiles than this are not kept. */
const ASKED_MAX = 1000;

/** Name and picture of a user; its id as the name until the server has told. */
export function useProfile(user: string): Profile {
  const client = useClient();
  const there = usePeople().find((person) => person.id === user);
  const here = there !== undefined;
  const [told, setTold] = useState<Profile>();
  useEffect(() => {
    if (here) return;
    let over = false;
    if (asked.size >= ASKED_MAX) asked.clear();
    const answer = asked.get(user) ?? client.user(user).then(({ name, image }) => ({ name, image }), () => undefined);
    asked.set(user, answer);
    void answer.then((profile) => over || setTold(profile));
    return () => {
      over = true;
    };
  }, [client, user, here]);
  return { name: there?.name || told?.name || user, image: there?.image ?? told?.image };
}

/** The name of a user; its id until the server has told. */
export function useName(user: string): string {
  return useProfile(user).name;
}
