/// A page in the editor, with others who change it too: what is shown and what is told.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Emitter } from "../../connection/emitter";
import type { Ack, BoardDelete, BoardInk, BoardPut, Changed, Refused, SignalIn, Stamped } from "../../protocol";
import type { Classroom } from "../../room";
import { bytesOf } from "../packing";
import { Sheet } from "../sheet";
import type { BoardNews, BoardStore } from "../store";
import type { SceneElement } from "./scene";
import { Session } from "./session";

const FRAME = 16.7; // ms
const KEPT: Ack = { ok: true, seq: 1 };
const BOX = { id: "box", type: "rectangle", x: 0, y: 0, width: 10, height: 10, version: 1, versionNonce: 100, isDeleted: false };
const PICTURE = { ...BOX, type: "image", versionNonce: 5 };

/** The page as the server has it, and an editor that shows what it is given. */
class Desk {
  readonly sheet = new Sheet(0, 0, [BOX]);
  readonly news = new Emitter<BoardNews>();
  readonly told: (BoardPut | BoardDelete)[] = [];
  readonly refused: Refused[] = [];
  /** What the server says to a command. */
  answer: (command: BoardPut | BoardDelete) => Promise<Ack> = () => Promise.resolve(KEPT);
  readonly inked: { readonly at: number; readonly points: number }[] = [];
  /** What becomes of a picture from elsewhere. */
  adopt: (file: string) => Promise<string | null> = (file) => Promise.resolve(`${file}-here`);
  scene: readonly SceneElement[] = [];
  shown = 0; // times
  readonly session: Session;

  constructor() {
    const connection = { send: this.send, signal: (signal: SignalIn) => void (signal.type === "board.ink" && this.inked.push({ at: Date.now(), points: pointsOf(signal) })) };
    const store = { sheet: () => this.sheet, on: this.news.on.bind(this.news) };
    this.session = new Session(0, connection as unknown as Classroom, store as unknown as BoardStore, {
      scene: () => this.scene,
      show: (elements) => {
        this.scene = elements;
        this.shown += 1;
      },
      refused: (refused) => this.refused.push(refused),
      texts: () => undefined,
      pictures: () => undefined,
      adopt: (file) => this.adopt(file),
    });
    this.session.start();
  }

  readonly send = (command: BoardPut | BoardDelete): Promise<Ack> => (this.told.push(command), this.answer(command));

  get box(): SceneElement {
    return this.scene.find(({ id }) => id === "box") as SceneElement;
  }

  /** The editor has changed the box. */
  async change(fields: Partial<SceneElement>): Promise<void> {
    this.scene = [{ ...this.box, ...fields }];
    this.session.changed(this.scene, null, 1);
    await this.quiet();
  }

  /** More is drawn, one after the other. */
  draws(...ids: readonly string[]): void {
    for (const id of ids) {
      this.session.begin();
      this.scene = [...this.scene, { ...BOX, id, versionNonce: this.scene.length }];
      this.session.changed(this.scene, null, 1);
    }
  }

  undo(): void {
    this.session.after(() => this.send({ type: "board.undo", page: 0 } as never), true);
  }

  /** Somebody else has. */
  async theirs(...changes: Changed[]): Promise<void> {
    for (const change of changes) {
      const event = { type: "board.drawn", seq: this.sheet.at + 1, at: 0, page: 0, by: "other", changes: [change], added: 0 } as Stamped;
      this.news.emit("changed", 0, this.sheet.fold(event), event);
    }
    await this.quiet();
  }

  /** The pen goes on, with a point in a frame. */
  async draw(points: number): Promise<void> {
    const path = Array.from({ length: points }, (_, index) => [index, index] as const);
    const stroke = { ...BOX, id: "stroke", type: "freedraw", points: path, pressures: path.map(() => 0.5), simulatePressure: false };
    this.scene = [this.box, stroke];
    this.session.changed(this.scene, "stroke", 1);
    await vi.advanceTimersByTimeAsync(FRAME);
  }

  async quiet(): Promise<void> {
    await vi.advanceTimersByTimeAsync(1_000);
  }
}

function idsOf(command: BoardPut | BoardDelete | undefined): readonly string[] {
  return command?.type === "board.put" ? command.changes.map(({ id }) => id) : [];
}

/** Of the first block in a piece. */
function pointsOf({ after, ink }: BoardInk): number {
  return bytesOf(ink)[after === 0 ? 1 : 0] as number;
}

describe("a page in the editor", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("shows what others have changed, also where a version of its own says nothing new", async () => {
    const desk = new Desk();
    await desk.change({ version: 3, versionNonce: 7 }); // moved there and back
    expect(desk.told).toEqual([]);
    await desk.theirs({ id: "box", version: 2, nonce: 900, base: 100, set: { x: 50 } });
    expect(desk.box).toMatchObject({ x: 50, versionNonce: 900 });
  });

  it("tells what wins here over what others have changed, even if nothing more is done", async () => {
    const desk = new Desk();
    desk.scene = [{ ...desk.box, x: 30, version: 3, versionNonce: 7 }]; // not told yet
    await desk.theirs({ id: "box", version: 2, nonce: 900, base: 100, set: { x: 50 } });
    expect(desk.box).toMatchObject({ x: 30 });
    expect(desk.told).toMatchObject([{ type: "board.put", changes: [{ id: "box", version: 3, nonce: 7, base: 900, set: { x: 30 } }] }]);
  });

  it("takes in what one packet tells at once", async () => {
    const desk = new Desk();
    const before = desk.shown;
    const other = (id: string, nonce: number): Changed => ({ id, version: 1, nonce, set: { type: "rectangle", x: 1, y: 1, width: 5, height: 5 } });
    await desk.theirs(other("one", 1), other("two", 2), other("three", 3));
    expect(desk.scene).toHaveLength(4);
    expect(desk.shown).toBe(before + 1);
  });

  it("tells of a stroke at once, and then with every second frame", async () => {
    const desk = new Desk();
    for (let points = 1; points <= 9; points += 1) await desk.draw(points);
    expect(desk.inked.map(({ points }) => points)).toEqual([1, 2, 2, 2, 2]);
  });

  it("tells of what is drawn last where the pen rests", async () => {
    const desk = new Desk();
    for (let points = 1; points <= 4; points += 1) await desk.draw(points);
    await desk.quiet();
    expect(desk.inked.map(({ points }) => points)).toEqual([1, 2, 1]);
    expect((desk.inked[2]?.at ?? 0) - (desk.inked[1]?.at ?? 0)).toBeLessThan(50);
  });

  it("tells each step by itself, also where it had to wait", async () => {
    const desk = new Desk();
    let arrive = (_: Ack): void => undefined;
    desk.answer = () => new Promise((done) => (arrive = done));
    desk.draws("one");
    await desk.quiet();
    desk.draws("two", "three");
    await desk.quiet();
    expect(desk.told.map(idsOf)).toEqual([["one"]]);
    desk.answer = () => Promise.resolve(KEPT);
    arrive(KEPT);
    await desk.quiet();
    expect(desk.told.map(idsOf)).toEqual([["one"], ["two"], ["three"]]);
    expect(new Set(desk.told.map(({ step }) => step)).size).toBe(3);
  });

  it("undoes after all that was done before, and before what is done later", async () => {
    const desk = new Desk();
    const order = (): readonly string[] => desk.told.map((command) => idsOf(command).join() || (command.type as string));
    let arrive = (_: Ack): void => undefined;
    desk.answer = () => new Promise((done) => (arrive = done));
    desk.draws("one");
    await desk.quiet();
    desk.draws("two");
    desk.undo();
    desk.draws("three");
    await desk.quiet();
    expect(order()).toEqual(["one"]);
    desk.answer = () => Promise.resolve(KEPT);
    arrive(KEPT);
    await desk.quiet();
    expect(order()).toEqual(["one", "two", "board.undo", "three"]);
    desk.undo();
    expect(order().at(-1)).toBe("board.undo"); // at once, so that it is kept on the device
  });

  it("undoes nothing else where what was to be undone is refused", async () => {
    const desk = new Desk();
    let arrive = (_: Ack): void => undefined;
    desk.answer = () => new Promise((done) => (arrive = done));
    desk.draws("one");
    await desk.quiet();
    desk.draws("two", "bad");
    desk.session.begin();
    desk.scene = desk.scene.map((element) => (element.id === "bad" ? { ...element, x: 90, version: 2, versionNonce: 900 } : element));
    for (let times = 0; times < 3; times += 1) desk.undo(); // the move, what was moved, "two"
    desk.answer = (command) => Promise.resolve(idsOf(command).includes("bad") ? { ok: false, code: "too_many", message: "", temporary: false } : KEPT);
    arrive(KEPT);
    await desk.quiet();
    expect(desk.told.map((command) => idsOf(command).join() || (command.type as string))).toEqual(["one", "two", "bad", "board.undo"]);
  });

  it("gives away all that waits when the page is reloaded or closed, in its order", async () => {
    const desk = new Desk();
    desk.answer = () => new Promise(() => undefined);
    desk.draws("one");
    await desk.quiet();
    desk.draws("two");
    desk.undo();
    desk.draws("three");
    desk.session.leave();
    await Promise.resolve().then(() => vi.advanceTimersByTimeAsync(0));
    expect(desk.told.map((command) => idsOf(command).join() || (command.type as string))).toEqual(["one", "two", "board.undo", "three"]);
  });

  it("keeps what the server takes, where there is something that it does not, and says so once", async () => {
    const desk = new Desk();
    desk.answer = (command) => Promise.resolve(idsOf(command).includes("bad") ? { ok: false, code: "bad_request", message: "Not that.", temporary: false } : KEPT);
    desk.scene = [...desk.scene, ...["one", "two", "bad", "three"].map((id, index) => ({ ...BOX, id, versionNonce: index }))];
    desk.session.changed(desk.scene, null, 1);
    await desk.quiet();
    const kept = desk.told.filter((command) => !idsOf(command).includes("bad")).flatMap(idsOf);
    expect(kept.sort()).toEqual(["one", "three", "two"]);
    expect(desk.refused).toHaveLength(1);
    expect(desk.scene.map(({ id }) => id)).not.toContain("bad");
  });

  it("says once that what waited together is refused, and takes it from the page at once", async () => {
    const desk = new Desk();
    let arrive = (_: Ack): void => undefined;
    desk.answer = () => new Promise((done) => (arrive = done));
    desk.draws("first");
    await desk.quiet();
    const ids = Array.from({ length: 30 }, (_, index) => `n${index}`);
    desk.draws(...ids);
    desk.session.begin();
    desk.scene = desk.scene.map((element) => (element.id === "n0" ? { ...element, x: 90, version: 2, versionNonce: 900 } : element));
    desk.session.changed(desk.scene, null, 1);
    await desk.quiet();
    const shown = desk.shown;
    desk.answer = async () => {
      await new Promise((later) => setTimeout(later, 10));
      desk.session.changed(desk.scene, null, 1); // the editor tells of its scene for any reason
      return { ok: false, code: "forbidden", message: "", temporary: false };
    };
    arrive(KEPT);
    await desk.quiet();
    expect(desk.told.map(idsOf)).toEqual([["first"], ...ids.map((id) => [id])]);
    expect(desk.refused).toHaveLength(1);
    expect(desk.shown).toBe(shown + 1);
    expect(desk.scene.map(({ id }) => id)).toEqual(["box", "first"]);
  });

  it("tells in several commands what is too long for one", async () => {
    const desk = new Desk();
    desk.answer = (command) => Promise.resolve(idsOf(command).length > 10 ? { ok: false, code: "too_large", message: "", temporary: false } : KEPT);
    desk.scene = [...desk.scene, ...Array.from({ length: 50 }, (_, index) => ({ ...BOX, id: `n${index}`, versionNonce: index }))];
    desk.session.changed(desk.scene, null, 1);
    await desk.quiet();
    expect(desk.told.filter((command) => idsOf(command).length <= 10).flatMap(idsOf)).toHaveLength(50);
    expect(desk.refused).toEqual([]);
    expect(new Set(desk.told.map(({ step }) => step)).size).toBe(1);
  });

  it("tells a step in parts, or once more, before the steps that follow it", async () => {
    for (const code of ["too_large", "stale"]) {
      const desk = new Desk();
      let arrive = (_: Ack): void => undefined;
      desk.answer = () => new Promise((done) => (arrive = done));
      desk.draws("first");
      await desk.quiet();
      desk.draws("two", "three");
      await desk.quiet();
      let refusals = code === "stale" ? 1 : 0;
      desk.answer = async (command) => {
        await new Promise((later) => setTimeout(later, 10));
        const refused = refusals-- > 0 || (code === "too_large" && idsOf(command).length > 1);
        return refused ? { ok: false, code, message: "", temporary: false } : KEPT;
      };
      desk.scene = [...desk.scene, ...["four", "five"].map((id) => ({ ...BOX, id, versionNonce: desk.scene.length }))];
      desk.session.changed(desk.scene, null, 1); // with "three"
      desk.draws("last");
      arrive(KEPT);
      await desk.quiet();
      const told = desk.told.map((command) => idsOf(command).join());
      expect(told).toEqual(code === "stale" ? ["first", "two", "two", "three,four,five", "last"] : ["first", "two", "three,four,five", "three,four", "three", "four", "five", "last"]);
    }
  });

  it("tells what is done with the same thing in several steps in as many, as it was in each", async () => {
    const desk = new Desk();
    let arrive = (_: Ack): void => undefined;
    desk.answer = () => new Promise((done) => (arrive = done));
    desk.draws("first");
    await desk.quiet();
    const steps: readonly Partial<SceneElement>[] = [{ x: 20 }, { x: 40 }, { isDeleted: true }];
    for (const [index, fields] of steps.entries()) {
      desk.session.begin();
      Object.assign(desk.box, fields, { version: 2 + index, versionNonce: 200 + index });
      desk.session.changed(desk.scene, null, 1);
    }
    desk.answer = () => Promise.resolve(KEPT);
    arrive(KEPT);
    await desk.quiet();
    expect(desk.told.slice(1)).toMatchObject([
      { type: "board.put", changes: [{ id: "box", nonce: 200, base: 100, set: { x: 20 } }] },
      { type: "board.put", changes: [{ id: "box", nonce: 201, base: 200, set: { x: 40 } }] },
      { type: "board.delete", elements: [["box", 4, 202]] },
    ]);
  });

  it("keeps what is on the page where a drawing is shown in its place", async () => {
    const desk = new Desk();
    desk.draws("one");
    await desk.quiet();
    await desk.theirs({ id: "one", version: 1, nonce: 1, set: { type: "rectangle", x: 0, y: 0, width: 10, height: 10 } });
    desk.scene = [{ ...BOX, id: "dropped", versionNonce: 5 }];
    desk.session.changed(desk.scene, null, 1);
    await desk.quiet();
    expect(desk.scene.map(({ id }) => id).sort()).toEqual(["box", "dropped", "one"]);
    expect(desk.told.map(idsOf)).toEqual([["one"], ["dropped"]]);
  });

  it("tells of a picture from elsewhere when it is here, and not with what was drawn meanwhile", async () => {
    const desk = new Desk();
    let bring = (_: string | null): void => undefined;
    desk.adopt = () => new Promise((done) => (bring = done));
    desk.session.uploaded("known");
    desk.session.begin();
    desk.scene = [...desk.scene, { ...PICTURE, id: "one", fileId: "known" }, { ...PICTURE, id: "two", fileId: "far" }];
    desk.session.changed(desk.scene, null, 1);
    await desk.quiet();
    desk.draws("meanwhile");
    await desk.quiet();
    expect(desk.told.map(idsOf)).toEqual([["one"], ["meanwhile"]]);
    bring("here");
    await desk.quiet();
    expect(desk.scene.find(({ id }) => id === "two")).toMatchObject({ fileId: "here" });
    const two = desk.told[2] as BoardPut;
    expect(two).toMatchObject({ step: desk.told[0]?.step, changes: [{ id: "two", set: { type: "image", fileId: "here" } }] });
    expect(two.changes[0]).not.toHaveProperty("base");
    expect(desk.told).toHaveLength(3);
  });

  it("takes a picture that cannot be brought here from the page, and tells nobody; pasted again it is tried again", async () => {
    const desk = new Desk();
    desk.adopt = () => Promise.resolve(null);
    const paste = async (): Promise<void> => {
      desk.scene = [...desk.scene, { ...PICTURE, id: "far", fileId: "far" }];
      desk.session.changed(desk.scene, null, 1);
      await desk.quiet();
    };
    await paste();
    expect(desk.scene.map(({ id }) => id)).toEqual(["box"]);
    expect(desk.told).toEqual([]);
    desk.adopt = () => Promise.resolve("here");
    await paste();
    expect(desk.told).toMatchObject([{ changes: [{ id: "far", set: { fileId: "here" } }] }]);
  });

  it("tells of a picture that comes when its page is left", async () => {
    const desk = new Desk();
    let bring = (_: string | null): void => undefined;
    desk.adopt = () => new Promise((done) => (bring = done));
    desk.scene = [...desk.scene, { ...PICTURE, id: "far", fileId: "far" }];
    desk.session.changed(desk.scene, null, 1);
    await desk.quiet();
    void desk.session.stop();
    desk.scene = [];
    bring("here");
    await desk.quiet();
    expect(desk.told).toMatchObject([{ changes: [{ id: "far", set: { fileId: "here" } }] }]);
    expect(desk.scene).toEqual([]);
  });
});
