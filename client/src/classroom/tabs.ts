/// The parts of the side panel, in their order.

import { IconChartBar, IconMessageCircle, IconQuestionMark, IconUsers } from "../common/icons";

export const TABS = { chat: IconMessageCircle, doubts: IconQuestionMark, polls: IconChartBar, people: IconUsers } as const;

export type Tab = keyof typeof TABS;

export const ALL_TABS: readonly Tab[] = ["chat", "doubts", "polls", "people"];
