// @vitest-environment happy-dom
/// How a token comes in, and what is kept of it.

import { beforeEach, expect, it } from "vitest";
import { forgetName, forgetToken, keepName, keepOwnName, keptCredentials, lastName, takeToken } from "./credentials";

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  history.replaceState(null, "", "/r/physics");
});

it("a token leaves the address bar, and stays for a reload of this tab", () => {
  history.replaceState(null, "", "/r/physics#token=a.b.c");
  expect(takeToken("physics")).toBe(true);

  expect(location.hash).toBe("");
  expect(keptCredentials("physics")).toEqual({ token: "a.b.c" });
  expect(keptCredentials("chemistry")).toBeNull();
  expect(Object.values({ ...localStorage }).join()).not.toContain("a.b.c");
});

it("a token comes before a name, and takes its place", () => {
  keepName("physics", "Asha");
  history.replaceState(null, "", "/r/physics#token=a.b.c");
  takeToken("physics");
  forgetToken("physics");

  expect(keptCredentials("physics")).toBeNull();
});

it("a name is offered again after one has left, and not used by itself", () => {
  keepOwnName("Asha");
  keepName("physics", "Asha R");
  expect(keptCredentials("physics")).toEqual({ name: "Asha R" });
  forgetName("physics");

  expect(keptCredentials("physics")).toBeNull();
  expect(lastName()).toBe("Asha");
});

it("any other fragment is left alone", () => {
  history.replaceState(null, "", "/r/physics#side");
  takeToken("physics");

  expect(location.hash).toBe("#side");
});
