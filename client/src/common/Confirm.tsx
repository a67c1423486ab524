/// Asks before what cannot be taken back, or what everybody would notice.

import { Suspense, useState } from "react";
import type { ConfirmProps } from "./ConfirmDialog";
import { part } from "./part";

const ConfirmDialog = part(() => import("./ConfirmDialog"), { away: "over", warm: "all" });

export function Confirm(props: ConfirmProps) {
  const [wanted, setWanted] = useState(false);
  if (props.open && !wanted) setWanted(true);
  if (!wanted) return null;
  return (
    <Suspense>
      <ConfirmDialog {...props} />
    </Suspense>
  );
}
