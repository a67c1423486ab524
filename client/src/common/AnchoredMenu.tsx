/// One menu for a whole list: it opens at the button that asked for it, so that rows stay light.

import { Menu } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  /** The button it belongs to; null: closed. */
  readonly anchor: HTMLElement | null;
  readonly label: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function AnchoredMenu({ anchor, label, onClose, children }: Props) {
  if (anchor === null) return null;
  const { right, bottom, top } = anchor.getBoundingClientRect();
  function close(): void {
    onClose();
    if (anchor?.isConnected && document.activeElement?.closest("[role=dialog], textarea, input") == null) anchor.focus();
  }
  return (
    <Menu opened onClose={close} position="bottom-end" returnFocus={false} offset={4}>
      <Menu.Target>
        <span aria-hidden="true" style={{ position: "fixed", left: right, top, height: bottom - top, width: 0, pointerEvents: "none" }} />
      </Menu.Target>
      <Menu.Dropdown aria-label={label}>{children}</Menu.Dropdown>
    </Menu>
  );
}
