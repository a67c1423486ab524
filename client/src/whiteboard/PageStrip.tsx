/// All pages, made small, in a row.

import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom } from "../app/live";
import { IconLock, IconPlus } from "../common/icons";
import { Thumbnail } from "./Thumbnail";
import classes from "./whiteboard.module.css";

interface Props {
  readonly page: number;
  readonly onPage: (page: number | null) => void;
}

export function PageStrip({ page, onPage }: Props) {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const perform = useDo();
  const pages = useRoom((room) => room.board.pages);
  const current = useRoom((room) => room.board.current);
  const shown = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    void shown.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [page]);

  return (
    <nav className={classes.strip} aria-label={t("board.pages")}>
      <ol>
        {pages.map(({ id, locked }, index) => (
          <li key={id}>
            <button
              ref={id === page ? shown : undefined}
              type="button"
              aria-current={id === page ? "page" : undefined}
              aria-label={t(id === current ? "board.pageOfClass" : "board.page", { page: index + 1 })}
              data-class={id === current || undefined}
              onClick={() => onPage(id === current ? null : id)}
            >
              <Thumbnail page={id} />
              <span>
                {index + 1}
                {locked && <IconLock size={13} aria-label={t("board.isLocked")} role="img" aria-hidden={false} />}
              </span>
            </button>
          </li>
        ))}
        {staff && (
          <li>
            <button type="button" className={classes.more} aria-label={t("board.add")} onClick={() => perform({ type: "board.add_page" })}>
              <IconPlus size={26} />
            </button>
          </li>
        )}
      </ol>
    </nav>
  );
}
