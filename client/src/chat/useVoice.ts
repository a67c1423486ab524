/// Whether I may write just now, and if not, why and until when.

import { useTranslation } from "react-i18next";
import { useMyPart, useRoom, useServerNow } from "../app/live";
import { useFormat } from "../i18n/format";
import { mayWriteAt } from "../room";

export type Voice =
  | { readonly kind: "free" }
  /** Slow mode: in `wait` ms. */
  | { readonly kind: "slow"; readonly wait: number }
  | { readonly kind: "none"; readonly why: "muted" | "ended" | "locked"; readonly text: string };

/** `what`: the chat, with its slow mode, or doubts. */
export function useVoice(what: "chat" | "doubts" = "chat"): Voice {
  const { t } = useTranslation();
  const format = useFormat();
  const { staff } = useMyPart();
  const phase = useRoom((room) => room.roster.phase);
  const muted = useRoom((room) => room.roster.muted_until);
  const locked = useRoom((room) => room[what].locked);
  const next = useRoom((room) => mayWriteAt(room.chat));
  const bound = !staff && (muted > 0 || (what === "chat" && next > 0));
  const now = useServerNow(bound ? 500 : null);
  if (staff) return { kind: "free" };
  if (phase === "ended") return { kind: "none", why: "ended", text: t(what === "chat" ? "chat.ended" : "doubts.ended") };
  if (muted > now) return { kind: "none", why: "muted", text: t("chat.muted", { time: format.time(muted) }) };
  if (locked) return { kind: "none", why: "locked", text: t(what === "chat" ? "chat.locked" : "doubts.locked") };
  return what === "chat" && next > now ? { kind: "slow", wait: next - now } : { kind: "free" };
}
