// What people are in the call.
import type { Role } from '@thalweg/client';
import { useInfo } from './call.js';

/** The role of a member; nothing for who is none. Of very large calls only the first hundred members are known here. */
export function useRole(user: string): Role | undefined {
  return useInfo()?.members.find((member) => member.user === user)?.role;
}
