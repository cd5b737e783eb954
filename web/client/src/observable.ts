// Values that can be watched: small enough to need no library, and shaped as React's `useSyncExternalStore` wants them.

/** A value that changes. Between two changes `value` is the same object. */
export interface Observable<T> {
  readonly value: T;
  /** Calls back after every change until the answer is called. */
  readonly subscribe: (listener: (value: T) => void) => () => void;
}

/** An observable that is set from inside this package. */
export class Cell<T> implements Observable<T> {
  readonly #listeners = new Set<(value: T) => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  /** Changes the value; nobody is told when it is the same. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) tell(listener, value);
  }

  readonly subscribe = (listener: (value: T) => void): (() => void) => {
    // Its own function, so that one listener may be there twice.
    const own = (value: T): void => listener(value);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };
}

/** What follows from another observable. */
export function derived<T, U>(from: Observable<T>, read: (value: T) => U): Observable<U> {
  let [seen, made] = [from.value, read(from.value)];
  const now = (): U => {
    if (!Object.is(seen, from.value)) [seen, made] = [from.value, read(from.value)];
    return made;
  };
  return {
    get value() {
      return now();
    },
    subscribe: (listener) => {
      let last = now();
      return from.subscribe(() => {
        const next = now();
        if (Object.is(next, last)) return;
        last = next;
        listener(next);
      });
    },
  };
}

/** Listeners by the name of what happens. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls back whenever it happens until the answer is called. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    const own = (event: Events[Name]): void => listener(event);
    set.add(own);
    return () => void set.delete(own);
  }

  /** Tells all who listen. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) tell(listener as (event: Events[Name]) => void, event);
  }
}

/** A listener's own fault must not keep others from hearing; it is reported as uncaught. */
function tell<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
