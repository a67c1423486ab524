/// Whoever works with the keyboard goes on where they were: when what has the focus goes away (a dialog is closed, a vote is sent,
/// a poll moves to another list), what it was opened from gets it, else what it stood in, else the page's heading.
///
/// What always holds: nothing is taken from what has the focus, and who lets go of it themselves is left alone.

const SETTLES = 60; // ms: a part that knows itself what comes next is sooner
const USABLE = "a[href], button, input, select, textarea, [tabindex]";
const PLACES = ["form", "article", "section", "li", ...["dialog", "feed", "group", "list", "log", "region"].map((role) => `[role=${role}]`)].join();
const ABOVE = "[role=dialog], [role=menu]";

/** An element and what it stands in, from the inside out. */
type Trail = readonly HTMLElement[];

/** Of what has the focus, or had it last. */
let last: Trail = [];
/** The same, of the page below dialogs and menus. */
let below: Trail = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Watch over the page's focus; what is answered ends it. */
export function keepFocus(): () => void {
  const changes = new MutationObserver(look);
  document.addEventListener("focusin", gained);
  document.addEventListener("focusout", lost);
  changes.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
  return () => {
    document.removeEventListener("focusin", gained);
    document.removeEventListener("focusout", lost);
    changes.disconnect();
    clearTimeout(timer);
    [last, below, timer] = [[], [], undefined];
  };
}

/** Whether nothing has the focus, or only a place that was given it for want of something better. */
export function isAdrift(): boolean {
  const active = document.activeElement as HTMLElement | null;
  return active === null || active === document.body || active.dataset["held"] !== undefined;
}

/** Whether it is in a dialog or a menu, from which one comes back. */
export function isAbove(element: EventTarget | null): boolean {
  return element instanceof Element && element.closest(ABOVE) !== null;
}

function gained({ target }: FocusEvent): void {
  if (!(target instanceof HTMLElement)) return;
  last = trailOf(target);
  if (!isAbove(target)) below = last;
}

function lost({ target, relatedTarget }: FocusEvent): void {
  if (relatedTarget !== null || !(target instanceof HTMLElement) || isAbove(target) || !document.hasFocus()) return;
  // What is being removed loses it too, and is gone by then.
  queueMicrotask(() => {
    if (nobodyHasIt() && isUsable(target)) [last, below] = [[], []];
  });
}

function look(): void {
  if (timer === undefined && isToBeGivenOn()) timer = setTimeout(giveOn, SETTLES);
}

function nobodyHasIt(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

function isToBeGivenOn(): boolean {
  return nobodyHasIt() && last[0] !== undefined && !isUsable(last[0]);
}

function giveOn(): void {
  timer = undefined;
  if (!isToBeGivenOn()) return;
  const next = heirOf(last) ?? heirOf(below) ?? document.querySelector<HTMLElement>("h1");
  if (next === null) return;
  if (!next.matches(USABLE)) {
    next.tabIndex = -1;
    next.dataset["held"] = "";
    next.style.outline = "none";
  }
  next.focus({ preventScroll: true });
}

function trailOf(element: HTMLElement): Trail {
  const trail: HTMLElement[] = [];
  for (let at: HTMLElement | null = element; at !== null && at.parentElement !== document.body; at = at.parentElement) trail.push(at);
  return trail;
}

function heirOf(trail: Trail): HTMLElement | undefined {
  // What is drawn anew in another place is known by its id.
  const there = trail.map((element) => (element.isConnected || element.id === "" ? element : (document.getElementById(element.id) ?? element)));
  return there.find((element) => isUsable(element) && element.matches(`${USABLE}, ${PLACES}`));
}

function isUsable(element: HTMLElement): boolean {
  return element.isConnected && !element.matches(":disabled") && (element.checkVisibility?.() ?? true);
}
