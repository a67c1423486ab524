/// The look: one accent (pine) for what can be done, one warm signal (marigold) for what is happening now.
///
/// What always holds: text and controls keep at least 4.5 : 1 against what is behind them, in light and in dark.

import { createTheme, type MantineColorsTuple } from "@mantine/core";

const pine: MantineColorsTuple = [
  "#e8f6f2",
  "#d0ebe3",
  "#a3d8c9",
  "#72c4ad",
  "#4bb396",
  "#2a9c7f",
  "#17856b",
  "#0b6f59",
  "#075a48",
  "#044537",
];

const marigold: MantineColorsTuple = [
  "#fff6e3",
  "#ffe9bf",
  "#ffd485",
  "#fdbd4b",
  "#f7a823",
  "#e8920a",
  "#c27503",
  "#945700",
  "#734300",
  "#543100",
];

const dark: MantineColorsTuple = [
  "#e4e9e7",
  "#c3cbc8",
  "#a3aeaa",
  "#77847f",
  "#46534e",
  "#34403c",
  "#25302c",
  "#1a2320",
  "#141b19",
  "#0e1412",
];

const ROUND = "md";

export const theme = createTheme({
  colors: { pine, marigold, dark },
  primaryColor: "pine",
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  defaultRadius: ROUND,
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Devanagari", "Nirmala UI", "Kohinoor Devanagari", sans-serif',
  headings: { fontWeight: "650" },
  // Not by `Modal.extend` and the like: naming a component here would load it with the first page.
  components: {
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.45 }, radius: "lg", attributes: { header: { role: "none" } } } },
    Menu: { defaultProps: { shadow: "md", position: "bottom-end", withInitialFocusPlaceholder: false, menuItemTabIndex: 0 } },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true } },
    Button: { defaultProps: { fw: 600 } },
    TextInput: { defaultProps: { size: "md" } },
    Textarea: { defaultProps: { size: "md" } },
    Checkbox: { defaultProps: { size: "sm" } },
    Switch: { defaultProps: { withThumbIndicator: false } },
  },
});
