/// A button that shows an icon alone: its label is read out, and shown when it is pointed at.

import { ActionIcon, type ActionIconProps, Tooltip } from "@mantine/core";
import type { ComponentPropsWithRef, ComponentType } from "react";
import classes from "./common.module.css";

interface Props extends ActionIconProps, Omit<ComponentPropsWithRef<"button">, keyof ActionIconProps | "children"> {
  readonly icon: ComponentType<{ size?: number; stroke?: number }>;
  readonly label: string;
  /** Of the icon, in pixels; the target is as large as fingers need on a touch screen. */
  readonly iconSize?: number;
}

export function IconButton({ icon: Icon, label, iconSize = 20, variant = "subtle", color = "gray", ...rest }: Props) {
  return (
    <Tooltip label={label} disabled={rest["aria-expanded"] === true}>
      <ActionIcon
        variant={variant}
        color={color}
        size="var(--touch)"
        className={classes.iconButton}
        c={variant === "subtle" && color === "gray" ? "var(--ink-soft)" : undefined}
        aria-label={label}
        {...rest}
      >
        <Icon size={iconSize} stroke={1.8} />
      </ActionIcon>
    </Tooltip>
  );
}
