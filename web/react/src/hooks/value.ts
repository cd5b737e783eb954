// From a watched value to a component that is drawn anew.
import { useSyncExternalStore } from 'react';
import type { Observable } from '@thalweg/client';

/** The present value; the component is drawn anew whenever it changes. */
export function useValue<T>(observable: Observable<T>): T {
  return useSyncExternalStore(observable.subscribe, () => observable.value);
}
