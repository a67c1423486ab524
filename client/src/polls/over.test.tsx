// @vitest-environment happy-dom
/// What becomes of a poll that is open when the class ends, over a real connection.

import { afterEach, expect, it } from "vitest";
import ClassControls from "../classroom/ClassControls";
import { Spotlight, useSpotlight } from "../classroom/Spotlight";
import { useUnread } from "../classroom/useUnread";
import type { PollView, Spec, Welcome } from "../protocol";
import { Page } from "../testing/page";
import { ASHA, EMPTY_OWN, EMPTY_VIEW, TEACHER } from "../testing/rooms";
import { Polls } from "./Polls";
import StaffPolls from "./StaffPolls";

let page: Page;

afterEach(() => page.close());

function room(spec: Partial<Spec>, phase: "live" | "ended", more: Partial<PollView> = {}): Partial<Welcome> {
  const poll: PollView = { id: 7, state: "open", spec: { question: "Which metal?", kind: "single", options: ["Copper", "Iron"], ...spec }, ...more };
  return { state: { ...EMPTY_VIEW, roster: { ...EMPTY_VIEW.roster, phase }, polls: { polls: [poll] } } };
}

function Elsewhere() {
  const { polls } = useUnread("chat");
  const spots = useSpotlight();
  return (
    <>
      <i>{`waiting: ${polls.count}`}</i>
      {spots.map((spot) => (
        <Spotlight key={spot.key} spot={spot} />
      ))}
    </>
  );
}

const voted = (choice: readonly number[], text: string | null = null) => ({ own: { ...EMPTY_OWN, polls: { votes: { 7: [ASHA.id, choice, text] as const } } } });

it("a class that is over calls nobody to vote", async () => {
  page = await Page.open(<Elsewhere />, room({}, "live"));
  expect(page.text).toContain("waiting: 1");
  expect(page.text).toContain("Which metal?");
  await page.close();
  page = await Page.open(<Elsewhere />, room({}, "ended"));

  expect(page.text).toContain("waiting: 0");
  expect(page.text).not.toContain("Which metal?");
});

it("who voted sees their vote, and why nothing more comes of it", async () => {
  page = await Page.open(<Polls />, { ...room({}, "ended"), ...voted([1]) });
  expect(page.text).toContain("Ended with the class");
  expect(page.text).toContain("It takes no more votes.");
  expect(page.text).toContain("Your vote: Iron");
  expect(page.text).not.toContain("Results are shown when the poll is closed");
  await page.close();
  page = await Page.open(<Polls />, { ...room({ kind: "text", options: [] }, "ended"), ...voted([], "friction") });
  expect(page.text).toContain("Your vote: friction");
  await page.close();
  page = await Page.open(<Polls />, { ...room({ kind: "rating", options: [], scale: 5 }, "ended"), ...voted([4]) });
  expect(page.text).toContain("Your vote: 4");
  await page.close();
  page = await Page.open(<Polls />, room({}, "ended"));

  expect(page.text).toContain("You did not vote.");
});

it("the staff see the votes, and may close it still", async () => {
  page = await Page.open(<StaffPolls />, { ...room({}, "ended", { tally: { counts: [1, 3], voters: 4, words: [] } }), me: TEACHER });

  expect(page.text).toContain("Close it to show the result as set.");
  expect(page.text).toContain("75%");
  expect(page.button("Close the poll").disabled).toBe(false);
});

it("whoever ends the class is told how many polls are open", async () => {
  page = await Page.open(<ClassControls />, { ...room({}, "live"), me: TEACHER });
  await page.click(page.button("End the class"));

  await page.until(() => expect(page.text).toContain("1 poll is open. It takes no more votes after the end."));
});
