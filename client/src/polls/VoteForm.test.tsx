// @vitest-environment happy-dom
/// Voting, over a real connection.

import { afterEach, expect, it } from "vitest";
import { Page } from "../testing/page";
import { ASHA, EMPTY_OWN, EMPTY_VIEW, TEACHER } from "../testing/rooms";
import type { PollView, Spec } from "../protocol";
import { PollCard } from "./PollCard";
import { useRoom } from "../app/live";

let page: Page;

afterEach(() => page.close());

function Card({ large = false }) {
  const poll = useRoom((room) => room.polls.polls[0]);
  return poll && <PollCard poll={poll} large={large} />;
}

function room(spec: Partial<Spec>, more: Partial<PollView> = {}) {
  const poll: PollView = { id: 7, state: "open", spec: { question: "2 + 2?", kind: "single", options: ["3", "4"], ...spec }, ...more };
  return { state: { ...EMPTY_VIEW, polls: { polls: [poll] } } };
}

const votes = () => page.server.received.filter(({ type }) => type === "poll.vote");
const option = (text: string) => {
  const label = [...document.querySelectorAll("label")].find((each) => each.textContent === text);
  return label?.querySelector("input") as HTMLInputElement;
};

it("says before voting whether the vote is secret", async () => {
  page = await Page.open(<Card />, room({ secret: true }));
  expect(page.text).toContain("Secret: nobody learns");
  await page.close();
  page = await Page.open(<Card />, room({ secret: false }));

  expect(page.text).toContain("Named: the staff can see");
});

it("a vote is sent once, shown as being sent, and as counted when the server has it", async () => {
  page = await Page.open(<Card />, room({}));
  let answer: (() => void) | null = null;
  page.server.onCommand = (command, acknowledge) => {
    answer = () => {
      page.server.say({ type: "poll.voted", id: 7, count: 1, ballots: [[ASHA.id, [1], null]] });
      acknowledge({ ok: true, seq: page.server.log.length });
    };
    expect(command).toMatchObject({ type: "poll.vote", id: 7, choice: [1] });
  };
  expect(page.button("Vote").disabled).toBe(true);
  await page.click(option("4"));
  await page.click(page.button("Vote"));
  await page.until(() => expect(answer).not.toBeNull());
  expect(page.text).toContain("Sending your vote");
  (answer as (() => void) | null)?.();

  await page.until(() => expect(page.text).toContain("Your vote is counted"));
  expect(votes()).toHaveLength(1);
  expect(option("3").matches(":disabled, fieldset[disabled] *")).toBe(true);
});

it("a vote is changed where the poll allows it, and not where it does not", async () => {
  const own = { ...EMPTY_OWN, polls: { votes: { 7: [ASHA.id, [0], null] as const } } };
  page = await Page.open(<Card />, { ...room({ changeable: true }), own });
  await page.click(page.button("Change my vote"));
  await page.click(option("4"));
  await page.click(page.button("Vote"));
  await page.until(() => expect(votes()).toMatchObject([{ choice: [1] }]));
  await page.close();
  page = await Page.open(<Card />, { ...room({ changeable: false }), own });

  expect(page.text).toContain("A vote cannot be changed");
  expect(() => page.button("Change my vote")).toThrow();
});

/** The same poll on the stage and in its tab. */
function Twice({ second = true }) {
  return (
    <>
      <Card large />
      {second && <Card />}
    </>
  );
}

const texts = () => [...document.querySelectorAll<HTMLInputElement>("input[type=text], input:not([type])")].map(({ value }) => value);
const chosen = () => [...document.querySelectorAll<HTMLInputElement>("input[type=radio]")].map(({ checked }) => checked);

it("what was written in one place is shown in the other, and what is changed elsewhere is shown anew", async () => {
  page = await Page.open(<Twice />, room({ kind: "text", options: [] }));
  page.server.onCommand = (command, acknowledge) => {
    page.server.say({ type: "poll.voted", id: 7, count: 1, ballots: [[ASHA.id, [], command.text ?? ""]] });
    acknowledge({ ok: true, seq: page.server.log.length });
  };
  await page.type(page.find<HTMLInputElement>("input"), "friction");
  await page.click(page.button("Vote"));
  await page.until(() => expect(page.text).toContain("Your vote is counted"));
  expect(texts()).toEqual(["friction", "friction"]);
  await page.perform(() => page.server.say({ type: "poll.voted", id: 7, count: 1, ballots: [[ASHA.id, [], "mass"]] }));
  await page.until(() => expect(texts()).toEqual(["mass", "mass"]));
  await page.click(page.button("Change my vote"));

  expect(texts()).toEqual(["mass", "mass"]);
});

it("a vote that waits for a connection is shown wherever the poll is", async () => {
  page = await Page.open(<Twice second={false} />, room({}));
  await page.server.stop();
  await page.until(() => expect(page.connection.status.phase).toBe("reconnecting"));
  await page.click(option("4"));
  await page.click(page.button("Vote"));
  await page.draw(<Twice />);
  await page.draw(null);
  await page.draw(<Twice />);

  expect(page.text).toContain("Your vote is sent when you are back");
  expect(chosen()).toEqual([false, true, false, true]);
});

it("several answers are sent in their order", async () => {
  page = await Page.open(<Card />, room({ kind: "multiple", options: ["a", "b", "c"] }));
  for (const text of ["c", "a", "b", "b"]) await page.click(option(text));
  await page.click(page.button("Vote"));

  await page.until(() => expect(votes()).toMatchObject([{ choice: [0, 2] }]));
});

it("a closed quiz shows what was right and what I chose", async () => {
  const closed = { state: "closed" as const, tally: { counts: [1, 3], voters: 4, words: [] } };
  page = await Page.open(<Card />, {
    ...room({ kind: "quiz", right: [1] }, closed),
    own: { ...EMPTY_OWN, polls: { votes: { 7: [ASHA.id, [0], null] as const } } },
  });

  expect(page.text).toContain("Your answer is not right");
  expect(page.find("[role=img]").getAttribute("aria-label")).toContain("3: 1 (25%), 4: 3 (75%)");
  await page.click(page.button("Show as a table"));
  expect(page.find("table").textContent).toContain("75%");
});

it("on the stage the staff see of an open quiz no more than students may", async () => {
  const tally = { counts: [1, 3], voters: 4, words: [] };
  page = await Page.open(<Card large />, { ...room({ kind: "quiz", right: [1] }, { tally }), me: TEACHER });
  expect(page.text).toContain("4 votes");
  expect(page.text).not.toContain("75%");
  expect(page.text).not.toContain("right");
  await page.draw(<Card />);

  expect(page.text).toContain("75%");
});
