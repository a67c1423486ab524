/// Small pieces that several parts draw with.

import type { ComponentType, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../i18n/format";
import type { Role } from "../protocol";
import classes from "./common.module.css";

type Icon = ComponentType<{ size?: number; stroke?: number }>;

export function Tag({ tone, icon: Icon, children }: { tone?: "accent" | "now" | "bad"; icon?: Icon; children: ReactNode }) {
  return (
    <span className={classes.tag} data-tone={tone}>
      {Icon && <Icon size={13} stroke={2} />}
      {children}
    </span>
  );
}

/** Says that someone is of the staff; nothing for students. */
export function RoleTag({ role }: { role: Role }) {
  const { t } = useTranslation();
  return role === "student" ? null : <Tag tone="accent">{t(`role.${role}`)}</Tag>;
}

/** A number in a bubble; nothing at 0. `exact`: also a large one in full. */
export function Count({ value, quiet = false, exact = false, label }: { value: number; quiet?: boolean; exact?: boolean; label?: string }) {
  const format = useFormat();
  if (value === 0) return null;
  return (
    <span className={classes.count} data-quiet={quiet || undefined}>
      <span aria-hidden={label !== undefined}>{exact ? format.number(value) : value > 99 ? "99+" : value}</span>
      {label !== undefined && <span className="hidden-but-read">{label}</span>}
    </span>
  );
}

export function Empty({ icon: Icon, title, text }: { icon: Icon; title: string; text?: string }) {
  return (
    <div className={classes.empty}>
      <Icon size={34} stroke={1.5} />
      <strong>{title}</strong>
      {text && <p>{text}</p>}
    </div>
  );
}
