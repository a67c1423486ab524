/// Brings a class that is over to where it can be played: its log, folded, and what there is of its recording.

import type { Classroom } from "../room";
import { emptyRoom, fetchLog, LogRefused } from "./log";
import { answersOf, markersOf } from "./markers";
import { Past } from "./past";
import type { Playing } from "./context";
import { Player } from "./player";
import { Replay } from "./replay";
import { spansOf, type Take, Timeline } from "./timeline";

const PATIENCE = 20_000; // ms for a file to tell how long it is
const FETCHED = 0.8; // of the way, as the eye takes it

/** Rejects with `LogRefused`. `heard` is told the share done (0 to 1). */
export async function load(live: Classroom, heard: (share: number) => void, signal: AbortSignal): Promise<Playing> {
  const { room } = live;
  if (room === null) throw new LogRefused("unreachable", "");
  const [log, listed] = await Promise.all([
    fetchLog(live.fetch, (share) => heard(share * FETCHED), signal),
    fetchTakes(live, signal),
  ]);
  const takes = await Promise.all(listed.map((take) => (take.duration > 0 ? take : measured(take, addressOf(live, take)))));
  const past = await Past.fold(emptyRoom(room.room, room.me, log), log.events, async (share) => {
    heard(FETCHED + share * (1 - FETCHED));
    await new Promise((resume) => setTimeout(resume));
    signal.throwIfAborted();
  });
  const timeline = new Timeline(spansOf(log.events, takes), takes);
  const replay = new Replay(live, past);
  const player = new Player(timeline, (take) => addressOf(live, take));
  const follow = (): void => replay.goTo(timeline.toClass(player.state.position));
  player.on("state", follow);
  follow();
  return { player, replay, live, markers: markersOf(log.events, timeline), answers: answersOf(log.events) };
}

function folder(live: Classroom): string {
  return `/recordings/${encodeURIComponent(live.room?.room.id ?? "")}/`;
}

/** A video element sends no headers: what lets us in stands in the address. */
function addressOf(live: Classroom, take: Take): string {
  return `${folder(live)}${take.name}?token=${encodeURIComponent(live.pass ?? "")}`;
}

/** A class whose recordings cannot be had is still a class that can be read. */
async function fetchTakes(live: Classroom, signal: AbortSignal): Promise<readonly Take[]> {
  try {
    const answer = await fetch(folder(live), { headers: { Authorization: `Bearer ${live.pass ?? ""}` }, signal });
    return answer.ok ? ((await answer.json()) as { recordings: readonly Take[] }).recordings : [];
  } catch (error) {
    if (signal.aborted) throw error;
    return [];
  }
}

/** A file whose length the server has not at hand tells it by itself. */
function measured(take: Take, address: string): Promise<Take> {
  return new Promise((resolve) => {
    const probe = document.createElement("video");
    const done = (): void => {
      clearTimeout(timer);
      resolve({ ...take, duration: Number.isFinite(probe.duration) ? probe.duration * 1_000 : 0 });
      probe.removeAttribute("src");
      probe.load();
    };
    const timer = setTimeout(done, PATIENCE);
    probe.preload = "metadata";
    probe.onloadedmetadata = probe.onerror = done;
    probe.src = address;
  });
}
