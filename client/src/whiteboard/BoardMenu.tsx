/// What the staff do with pages and rights, and how files come in and go out.

import { Menu } from "@mantine/core";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useRefusal, useRoom } from "../app/live";
import { toast } from "../app/toast";
import { Confirm } from "../common/Confirm";
import { IconButton } from "../common/IconButton";
import { IconCheck, IconCopy, IconDots, IconLock, IconLockOpen, IconPlus, IconTrash } from "../common/icons";
import type { Background, OpenTo } from "../protocol";
import { useClassroom } from "../room";
import { IconArrowLeft, IconArrowRight, IconDownload, IconEraser, IconFileImport, IconGrid3x3, IconPhoto } from "./icons";
import { importFile, type Progress, uploadImage } from "./files";
import classes from "./whiteboard.module.css";

const RIGHTS: readonly OpenTo[] = ["nobody", "chosen", "everybody"];
const FORMATS = ["pdf", "png", "svg", "excalidraw"] as const;

export function BoardMenu({ page }: { page: number }) {
  const { t } = useTranslation();
  const perform = useDo();
  const explain = useRefusal();
  const classroom = useClassroom();
  const pages = useRoom((room) => room.board.pages);
  const openTo = useRoom((room) => room.board.open_to);
  const files = useRef<HTMLInputElement>(null);
  const picture = useRef<HTMLInputElement>(null);
  const [asking, setAsking] = useState<"clear" | "remove" | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const place = pages.findIndex(({ id }) => id === page);
  const view = pages[place];
  if (view === undefined) return null;
  const kind = view.background.kind ?? "blank";

  const background = (next: Background) => perform({ type: "board.set_background", page, background: next });

  async function bringIn(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    setProgress({ state: "sending", done: 0, total: 0 });
    const done = await importFile(classroom.fetch, file, page, setProgress);
    setProgress(null);
    if (typeof done !== "number") toast(explain(done), "bad");
    else if (done > 0) toast(t("board.leftOut", { count: done }), "plain");
  }

  async function underlay(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    const answer = await uploadImage(classroom.fetch, file);
    if ("code" in answer) toast(explain(answer), "bad");
    else void background({ kind: "image", file: answer.file, width: answer.width, height: answer.height });
  }

  async function takeOut(format: (typeof FORMATS)[number]): Promise<void> {
    const answer = await classroom.fetch(`/board/export?format=${format}${format === "pdf" ? "" : `&page=${page}`}`).catch(() => null);
    if (answer === null || !answer.ok) return toast(t("board.exportFailed"), "bad");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = format === "pdf" ? "board.pdf" : `page-${place + 1}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  return (
    <>
      {progress !== null && (
        <span className={classes.progress} role="status">
          {t(`board.import.${progress.state}`, { done: progress.done, total: progress.total })}
        </span>
      )}
      <Menu>
        <Menu.Target>
          <IconButton icon={IconDots} label={t("board.menu")} />
        </Menu.Target>
        <Menu.Dropdown mah="70vh" style={{ overflow: "auto" }}>
          <Menu.Label>{t("board.thisPage")}</Menu.Label>
          <Menu.Item leftSection={<IconPlus size={17} />} onClick={() => perform({ type: "board.add_page", after: page })}>
            {t("board.add")}
          </Menu.Item>
          <Menu.Item leftSection={<IconCopy size={17} />} onClick={() => perform({ type: "board.duplicate_page", page })}>
            {t("board.duplicate")}
          </Menu.Item>
          <Menu.Item leftSection={<IconArrowLeft size={17} />} disabled={place === 0} onClick={() => perform({ type: "board.move_page", page, to: place - 1 })}>
            {t("board.moveLeft")}
          </Menu.Item>
          <Menu.Item leftSection={<IconArrowRight size={17} />} disabled={place === pages.length - 1} onClick={() => perform({ type: "board.move_page", page, to: place + 1 })}>
            {t("board.moveRight")}
          </Menu.Item>
          <Menu.Item leftSection={view.locked ? <IconLockOpen size={17} /> : <IconLock size={17} />} onClick={() => perform({ type: "board.lock_page", page, on: !view.locked })}>
            {view.locked ? t("board.unlock") : t("board.lock")}
          </Menu.Item>
          <Menu.Item leftSection={<IconEraser size={17} />} disabled={view.count === 0 || view.locked} onClick={() => setAsking("clear")}>
            {t("board.clear")}
          </Menu.Item>
          <Menu.Item color="var(--danger)" leftSection={<IconTrash size={17} />} disabled={pages.length === 1} onClick={() => setAsking("remove")}>
            {t("board.remove")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Label>{t("board.background")}</Menu.Label>
          <Menu.Item disabled={kind === "blank"} onClick={() => background({})}>
            {t("board.blank")}
          </Menu.Item>
          <Menu.Item leftSection={<IconGrid3x3 size={17} />} disabled={kind === "grid"} onClick={() => background({ kind: "grid" })}>
            {t("board.grid")}
          </Menu.Item>
          <Menu.Item leftSection={<IconPhoto size={17} />} onClick={() => picture.current?.click()}>
            {t("board.image")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Label>{t("board.who")}</Menu.Label>
          {RIGHTS.map((who) => (
            <Menu.Item
              key={who}
              aria-current={who === openTo || undefined}
              leftSection={who === openTo ? <IconCheck size={17} /> : <span className={classes.blank} />}
              onClick={() => perform({ type: "board.open_to", who })}
            >
              {t(`board.open.${who}`)}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Label>{t("board.files")}</Menu.Label>
          <Menu.Item leftSection={<IconFileImport size={17} />} disabled={progress !== null} onClick={() => files.current?.click()}>
            {t("board.bringIn")}
          </Menu.Item>
          {FORMATS.map((format) => (
            <Menu.Item key={format} leftSection={<IconDownload size={17} />} onClick={() => void takeOut(format)}>
              {t(`board.export.${format}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <input ref={files} type="file" hidden aria-label={t("board.bringIn")} accept=".pdf,.pptx,.odp,.excalidraw" onChange={(event) => (void bringIn(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} />
      <input ref={picture} type="file" hidden aria-label={t("board.image")} accept="image/png,image/jpeg,image/webp" onChange={(event) => (void underlay(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} />
      <Confirm
        open={asking !== null}
        title={asking === "remove" ? t("board.removeSure") : t("board.clearSure")}
        text={asking === "remove" ? t("board.removeText") : t("board.clearText")}
        action={asking === "remove" ? t("board.remove") : t("board.clear")}
        dangerous
        onClose={() => setAsking(null)}
        onConfirm={() => perform(asking === "remove" ? { type: "board.remove_page", page } : { type: "board.clear_page", page })}
      />
    </>
  );
}
