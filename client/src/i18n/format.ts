/// Numbers, times and durations in the reader's language.

import { useTranslation } from "react-i18next";

export interface Format {
  /** 12345 → "12,345". */
  number(value: number): string;
  /** 0.253 → "25%". */
  percent(share: number): string;
  /** Milliseconds since 1970 → "2:05 pm". */
  time(at: number): string;
  /** Milliseconds since 1970 → "Monday, 3 May". */
  day(at: number): string;
  /** Milliseconds → "4:05", or "1:02:33" from an hour on. */
  clock(milliseconds: number): string;
  /** Seconds → "30 sec", "5 min", "1 hr". */
  span(seconds: number): string;
}

export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const pair = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${pair(minutes)}:${pair(seconds % 60)}` : `${minutes}:${pair(seconds % 60)}`;
}

export function makeFormat(language: string): Format {
  // Indian grouping and times for both languages that we speak: the classes are there.
  const locale = `${language}-IN`;
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
  const day = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  const unit = (name: string): Intl.NumberFormat =>
    new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "short" });
  return {
    number: (value) => number.format(value),
    percent: (share) => percent.format(share),
    time: (at) => time.format(at),
    day: (at) => day.format(at),
    clock,
    span: (seconds) => {
      if (seconds % 3_600 === 0 && seconds > 0) return unit("hour").format(seconds / 3_600);
      if (seconds % 60 === 0 && seconds > 0) return unit("minute").format(seconds / 60);
      return unit("second").format(seconds);
    },
  };
}

const made = new Map<string, Format>();

export function useFormat(): Format {
  const { language } = useTranslation().i18n;
  // Every row of a list asks, and making one is dear.
  let format = made.get(language);
  if (format === undefined) made.set(language, (format = makeFormat(language)));
  return format;
}
