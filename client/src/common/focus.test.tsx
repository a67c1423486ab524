// @vitest-environment happy-dom
/// Where the keyboard goes on when what it was at has gone.

import { Button, Modal } from "@mantine/core";
import { useState } from "react";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Page } from "../testing/page";
import { keepFocus } from "./focus";

let page: Page;
let stop: () => void;

beforeEach(() => {
  stop = keepFocus();
});

afterEach(async () => {
  stop();
  await page.close();
});

function Dialogs() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <h1 tabIndex={-1}>A class</h1>
      <Button onClick={() => setOpen(true)}>Open</Button>
      {open && (
        <Modal opened onClose={() => setOpen(false)} title="Dialog">
          <Button data-autofocus onClick={() => setOpen(false)}>
            Done
          </Button>
        </Modal>
      )}
    </>
  );
}

it("a dialog gives it back to what it was opened from", async () => {
  page = await Page.open(<Dialogs />);
  page.button("Open").focus();
  await page.click(page.button("Open"));
  await page.until(() => expect(document.activeElement).toBe(page.button("Done")));
  await page.click(page.button("Done"));

  await page.until(() => expect(document.activeElement).toBe(page.button("Open")));
});

function Moving() {
  const [list, setList] = useState<"open" | "closed" | "gone">("open");
  const article = (
    <article id="poll-7" aria-label="Poll">
      {list === "open" && <button onClick={() => setList("closed")}>Close</button>}
    </article>
  );
  return (
    <>
      <h1 tabIndex={-1}>A class</h1>
      <div key="open">{list === "open" && article}</div>
      <div key="closed">{list === "closed" && article}</div>
      <button onClick={() => setList("gone")}>Remove</button>
    </>
  );
}

it("what is drawn anew elsewhere keeps it, and what is gone leaves it to the heading", async () => {
  page = await Page.open(<Moving />);
  page.button("Close").focus();
  await page.click(page.button("Close"));
  await page.until(() => expect(document.activeElement?.id).toBe("poll-7"));
  await page.click(page.button("Remove"));

  await page.until(() => expect(document.activeElement?.tagName).toBe("H1"));
});

it("who lets go of it is left alone", async () => {
  page = await Page.open(<Moving />);
  page.button("Close").focus();
  page.button("Close").blur();
  await page.click(page.button("Close"));
  await new Promise((done) => setTimeout(done, 150));

  expect(document.activeElement).toBe(document.body);
});
