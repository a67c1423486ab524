/// What is meant for a message and not there yet.

import { expect, it } from "vitest";
import type { ClientCommand, MessageView } from "../protocol";
import type { Pending } from "../room";
import { ahead, waitingByMessage } from "./ahead";

const MESSAGE: MessageView = { id: 1, at: 0, by: "a", name: "Asha", role: "student", text: "helo", reactions: { "👍": 2, "🎉": 1 } };

const pending = (command: ClientCommand, state: Pending["state"] = "queued"): Pending => ({ cid: "c", command, state, at: 0, reason: null, until: null });

it("stands at its message, unless it was refused", () => {
  const edit = pending({ type: "chat.edit", id: 1, text: "hello" });
  const react = pending({ type: "chat.react", id: 1, emoji: "👍" });
  const found = waitingByMessage([edit, pending({ type: "chat.say", text: "hi" }), react, pending({ type: "chat.edit", id: 2, text: "no" }, "refused")]);

  expect([...found]).toEqual([[1, [edit, react]]]);
});

it("is shown as if it were done", () => {
  const waiting = [
    pending({ type: "chat.edit", id: 1, text: "hello" }),
    pending({ type: "chat.react", id: 1, emoji: "👍" }),
    pending({ type: "chat.react", id: 1, emoji: "🎉", on: false }),
    pending({ type: "chat.delete", id: 1 }),
  ];

  expect(ahead(MESSAGE, ["🎉"], waiting)).toEqual({ text: "hello", edited: true, reactions: { "👍": 3 }, mine: ["👍"], deleted: true });
});

it("is not counted twice, once it is done and not settled yet", () => {
  expect(ahead(MESSAGE, ["👍"], [pending({ type: "chat.react", id: 1, emoji: "👍" })]).reactions).toBe(MESSAGE.reactions);
});
