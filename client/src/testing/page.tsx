/// A part of the user interface, drawn over a real connection to a small real server.

import { MantineProvider } from "@mantine/core";
import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { vi } from "vitest";
import { theme } from "../app/theme";
import { Announcer, clearToasts, Toasts } from "../app/toast";
import { startLanguages } from "../i18n";
import type { Welcome } from "../protocol";
import { ClassroomConnection, ClassroomProvider } from "../room";
import { memory } from "./memory";
import { welcomeTo } from "./rooms";
import { TestServer } from "./server";

/** What the browser has and the test's document has not. */
function furnish(): void {
  const nothing = () => undefined;
  window.matchMedia ??= ((query: string) => ({ matches: false, media: query, addEventListener: nothing, removeEventListener: nothing })) as never;
  window.HTMLElement.prototype.scrollIntoView ??= nothing;
  if (document.fonts === undefined) Object.defineProperty(document, "fonts", { value: new EventTarget() });
}

/** Do something, and draw all that comes of it. What the network brings by itself is drawn as in a browser: in its time. */
async function perform(action: () => unknown): Promise<void> {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  await act(async () => void (await action()));
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
}

export class Page {
  readonly server = new TestServer();
  readonly element = document.createElement("div");
  connection!: ClassroomConnection;
  #root!: Root;

  /** Connect as told by `welcome`, and draw `part`. */
  static async open(part: ReactNode, welcome: Partial<Welcome> = {}): Promise<Page> {
    furnish();
    await startLanguages();
    const page = new Page();
    const { me } = welcome;
    if (me !== undefined) page.server.me = me;
    page.server.onHello = (_, socket) => socket.emit("welcome", welcomeTo(page.server.me, { now: Date.now(), ...welcome }));
    await page.server.start();
    page.connection = new ClassroomConnection({ room: "physics", name: "Asha", url: page.server.url, storage: memory() });
    page.connection.start();
    await vi.waitFor(() => {
      if (page.connection.status.phase !== "live") throw new Error(page.connection.status.phase);
    }, 5_000);
    await page.draw(part);
    return page;
  }

  async draw(part: ReactNode): Promise<void> {
    document.body.append(this.element);
    this.#root ??= createRoot(this.element);
    await perform(() =>
      this.#root.render(
        <MantineProvider theme={theme} env="test">
          <ClassroomProvider connection={this.connection}>{part}</ClassroomProvider>
          <Toasts />
          <Announcer />
        </MantineProvider>,
      ),
    );
  }

  async close(): Promise<void> {
    await perform(() => {
      this.#root.unmount();
      clearToasts(); // they outlive the page
    });
    this.connection.stop();
    await this.server.stop();
    document.body.replaceChildren();
    sessionStorage.clear();
    localStorage.clear();
  }

  get text(): string {
    return document.body.textContent ?? "";
  }

  readonly perform = perform;

  /** Waits until `check` does not throw. */
  until(check: () => void): Promise<void> {
    return vi.waitFor(check, { timeout: 5_000, interval: 5 });
  }

  find<T extends HTMLElement = HTMLElement>(selector: string): T {
    const found = document.body.querySelector<T>(selector);
    if (found === null) throw new Error(`there is no ${selector} in ${document.body.innerHTML.slice(0, 3_000)}`);
    return found;
  }

  button(name: string): HTMLButtonElement {
    const all = [...document.body.querySelectorAll("button")];
    const found = all.find((each) => (each.getAttribute("aria-label") ?? each.textContent ?? "").trim() === name);
    if (found === undefined) throw new Error(`there is no button ${name}; there are ${all.map((each) => each.getAttribute("aria-label") ?? each.textContent).join(" | ")}`);
    return found;
  }

  async click(element: HTMLElement): Promise<void> {
    await perform(() => element.click());
  }

  /** Put `text` into a field as typing does. */
  async type(field: HTMLTextAreaElement | HTMLInputElement, text: string): Promise<void> {
    await perform(() => {
      const kind = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
      Object.getOwnPropertyDescriptor(kind.prototype, "value")?.set?.call(field, text);
      field.setSelectionRange(text.length, text.length);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  async key(element: HTMLElement, key: string, more: KeyboardEventInit = {}): Promise<boolean> {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
    await perform(() => element.dispatchEvent(event));
    return !event.defaultPrevented;
  }
}
