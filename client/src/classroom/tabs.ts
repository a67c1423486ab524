/// The parts of the side panel.

import { IconChartBar, IconMessageCircle, IconQuestionMark, IconUsers } from "../common/icons";

export const TABS = [
  { tab: "chat", icon: IconMessageCircle },
  { tab: "doubts", icon: IconQuestionMark },
  { tab: "polls", icon: IconChartBar },
  { tab: "people", icon: IconUsers },
] as const;

export type Tab = (typeof TABS)[number]["tab"];
