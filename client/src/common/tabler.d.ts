// One icon at a time: the package's own types name all six thousand, which every check would have to read.
declare module "@tabler/icons-react/dist/esm/icons/*.mjs" {
  import type { ReactNode, SVGProps } from "react";
  type Props = Omit<SVGProps<SVGSVGElement>, "stroke"> & { size?: number | string; stroke?: number | string };
  const icon: (props: Props) => ReactNode;
  export default icon;
}

declare module "@tabler/icons-react/dist/esm/defaultAttributes.mjs" {
  const attributes: Record<"outline" | "filled", Record<string, unknown>>;
  export default attributes;
}
