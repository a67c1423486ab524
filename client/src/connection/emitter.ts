/// Listeners by name. A listener that throws does not keep the others from hearing.

type Listener = (...args: never) => void;

export class Emitter<Events extends { readonly [name: string]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<Listener>>();

  /** Call `listener` on each `name` until the returned function is called. */
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set<Listener>();
    this.#listeners.set(name, listeners);
    listeners.add(listener as Listener);
    return () => void listeners.delete(listener as Listener);
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])] as ((...args: Events[Name]) => void)[]) {
      try {
        listener(...args);
      } catch (error) {
        sayLater(error);
      }
    }
  }
}

/** Say it where the page's error handling hears it, without stopping what goes on. */
function sayLater(error: unknown): void {
  setTimeout(() => {
    throw error;
  });
}
