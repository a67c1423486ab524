/// A doubt's state, by icon and word.

import { useTranslation } from "react-i18next";
import { IconArrowBackUp, IconArrowMerge, IconCircleCheck, IconCircleX, IconHourglass, IconMessageCircle, IconMicrophone } from "../common/icons";
import { Tag } from "../common/small";
import type { DoubtState } from "../protocol";

const LOOKS = {
  pending: { icon: IconHourglass, tone: "now" },
  open: { icon: IconMessageCircle, tone: undefined },
  answering: { icon: IconMicrophone, tone: "now" },
  answered: { icon: IconCircleCheck, tone: "accent" },
  dismissed: { icon: IconCircleX, tone: "bad" },
  withdrawn: { icon: IconArrowBackUp, tone: undefined },
  merged: { icon: IconArrowMerge, tone: undefined },
} as const satisfies Record<DoubtState, unknown>;

export function StateTag({ state }: { state: DoubtState }) {
  const { t } = useTranslation();
  const { icon, tone } = LOOKS[state];
  return (
    <Tag icon={icon} {...(tone && { tone })}>
      {t(`doubts.state.${state}`)}
    </Tag>
  );
}
