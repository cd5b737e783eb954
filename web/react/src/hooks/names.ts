// What people are called: those who are there, and those who only wrote something once.
import { useEffect, useState } from 'react';
import { useClient } from '../provider.js';
import { usePeople } from './call.js';

/** Names that were asked for, by user; shared by all parts of a page. */
const asked = new Map<string, Promise<string>>();
/** More names than this are not kept. */
const ASKED_MAX = 1000;

/** The name of a user; its id until the server has told. */
export function useName(user: string): string {
  const client = useClient();
  const there = usePeople().find((person) => person.id === user)?.name;
  const [told, setTold] = useState<string>();
  useEffect(() => {
    if (there !== undefined) return;
    let over = false;
    if (asked.size >= ASKED_MAX) asked.clear();
    const answer = asked.get(user) ?? client.user(user).then(({ name }) => name, () => '');
    asked.set(user, answer);
    void answer.then((name) => over || setTold(name));
    return () => {
      over = true;
    };
  }, [client, user, there]);
  return there || told || user;
}
