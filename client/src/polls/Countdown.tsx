/// How long a poll is open still, by the server's clock.

import { useTranslation } from "react-i18next";
import { useServerNow } from "../app/live";
import { IconClock } from "../common/icons";
import { Tag } from "../common/small";
import { clock } from "../i18n/format";

const SOON = 10_000; // ms

export function Countdown({ endsAt }: { endsAt: number }) {
  const { t } = useTranslation();
  const left = endsAt - useServerNow(250);
  return (
    <Tag icon={IconClock} {...(left <= SOON && { tone: "bad" as const })}>
      <span className="numbers" role="timer">
        {left <= 0 ? t("polls.timeUp") : t("polls.left", { time: clock(left + 999) })}
      </span>
    </Tag>
  );
}
