/// Asks before what cannot be taken back, or what everybody would notice.

import { lazy, Suspense, useState } from "react";
import type { ConfirmProps } from "./ConfirmDialog";

const load = () => import("./ConfirmDialog");
const ConfirmDialog = lazy(load);

export const warmConfirm: () => Promise<unknown> = load;

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
