/// Language, and light or dark.

import { Menu, useMantineColorScheme } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { toast } from "../app/toast";
import { LANGUAGES, speak } from "../i18n";
import { IconButton } from "./IconButton";
import { IconCheck, IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from "./icons";

const SCHEMES = [
  { scheme: "light", icon: IconSun },
  { scheme: "dark", icon: IconMoon },
  { scheme: "auto", icon: IconDeviceDesktop },
] as const;

export function LanguageItems() {
  const { t, i18n } = useTranslation();
  return (
    <>
      <Menu.Label>{t("app.language")}</Menu.Label>
      {LANGUAGES.map(({ code, name }) => (
        <Menu.RadioItem
          key={code}
          value={code}
          checked={i18n.language === code}
          lang={code}
          checkIcon={<IconCheck size={16} />}
          onChange={() => speak(code).catch(() => toast(t("refused.unavailable"), "bad"))}
        >
          {name}
        </Menu.RadioItem>
      ))}
    </>
  );
}

export function SchemeItems() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <>
      <Menu.Label>{t("app.scheme")}</Menu.Label>
      {SCHEMES.map(({ scheme, icon: Icon }) => (
        <Menu.RadioItem
          key={scheme}
          value={scheme}
          checked={colorScheme === scheme}
          rightSection={<Icon size={16} />}
          checkIcon={<IconCheck size={16} />}
          onChange={() => setColorScheme(scheme)}
        >
          {t(`app.${scheme}`)}
        </Menu.RadioItem>
      ))}
    </>
  );
}

/** Both, as two buttons, for the pages outside the class. */
export function Preferences() {
  const { t } = useTranslation();
  return (
    <>
      <Menu>
        <Menu.Target>
          <IconButton icon={IconLanguage} label={t("app.language")} />
        </Menu.Target>
        <Menu.Dropdown>
          <LanguageItems />
        </Menu.Dropdown>
      </Menu>
      <Menu>
        <Menu.Target>
          <IconButton icon={IconSun} label={t("app.scheme")} />
        </Menu.Target>
        <Menu.Dropdown>
          <SchemeItems />
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
