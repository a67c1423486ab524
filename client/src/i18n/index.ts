/// Languages. English is part of the first load; every other one is fetched when it is chosen.
///
/// What always holds: `<html lang>` names the language that is shown, and a choice is remembered on the device.

import i18next, { type i18n } from "i18next";
import { initReactI18next } from "react-i18next";
import { recall, remember } from "../app/memory";
import en from "./en.json";

export const LANGUAGES = [
  { code: "en", name: "English" },
  { code: "hi", name: "हिन्दी" },
] as const;

export type Language = (typeof LANGUAGES)[number]["code"];

const KEY = "language";

/** The chosen language, or else the first of the browser's that we have, or else English. */
export function preferred(chosen: string | null, browser: readonly string[]): Language {
  const known = (code: string | null): Language | undefined =>
    LANGUAGES.find((language) => language.code === code?.split("-")[0]?.toLowerCase())?.code;
  return known(chosen) ?? browser.map(known).find((code) => code !== undefined) ?? "en";
}

async function load(language: Language): Promise<void> {
  if (i18next.hasResourceBundle(language, "translation")) return;
  const { default: words } = await import("./hi.json");
  i18next.addResourceBundle(language, "translation", words);
}

/** Change the language, once its words are here. Rejects when they cannot be fetched. */
export async function speak(language: Language): Promise<void> {
  await load(language);
  await i18next.changeLanguage(language);
  remember(KEY, language);
}

/** Start in the language preferred on this device. */
export async function startLanguages(): Promise<i18n> {
  i18next.on("languageChanged", (language) => {
    document.documentElement.lang = language;
  });
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false }, // React escapes
    returnObjects: true,
  });
  const language = preferred(recall(KEY), navigator.languages);
  if (language !== "en") {
    try {
      await load(language);
      await i18next.changeLanguage(language);
    } catch {
      // Offline at the first visit in another language: English is better than nothing.
    }
  }
  return i18next;
}
