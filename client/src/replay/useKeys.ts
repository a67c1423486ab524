/// The player by keyboard: space or k, j and l, arrows, m, and < > for the speed.

import { useEffect } from "react";
import { type Player, RATES } from "./player";

const SHORT = 5_000; // ms
const LONG = 10_000;

export function toggle(player: Player): void {
  if (player.state.playing) player.pause();
  else player.play();
}

export function skip(player: Player, by: number): void {
  player.seek(player.state.position + by);
}

function faster(player: Player, step: 1 | -1): void {
  const at = RATES.findIndex((rate) => rate === player.state.rate);
  player.setRate(RATES[Math.max(0, Math.min(RATES.length - 1, at + step))] ?? 1);
}

const KEYS: Readonly<Record<string, (player: Player) => void>> = {
  " ": toggle,
  k: toggle,
  j: (player) => skip(player, -LONG),
  l: (player) => skip(player, LONG),
  ArrowLeft: (player) => skip(player, -SHORT),
  ArrowRight: (player) => skip(player, SHORT),
  m: (player) => player.setMuted(!player.state.muted),
  "<": (player) => faster(player, -1),
  ">": (player) => faster(player, 1),
};

/** Keys that mean something where they are pressed keep that meaning. */
function isTaken({ key, target }: KeyboardEvent): boolean {
  const place = target as HTMLElement;
  if (place.closest("input:not([type=range]), textarea, select, [role=menu], [role=dialog]")) return true;
  return key === " " && place.closest("button, a, [role=tab], [role=log]") !== null;
}

export function useKeys(player: Player): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
      const action = KEYS[event.key];
      if (action === undefined) return;
      event.preventDefault();
      action(player);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [player]);
}
