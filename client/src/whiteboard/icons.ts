/// The icons of the board, each imported from its own file.
export { default as IconArrowForwardUp } from "@tabler/icons-react/dist/esm/icons/IconArrowForwardUp.mjs";
export { default as IconArrowLeft } from "@tabler/icons-react/dist/esm/icons/IconArrowLeft.mjs";
export { default as IconArrowRight } from "@tabler/icons-react/dist/esm/icons/IconArrowRight.mjs";
export { default as IconChevronLeft } from "@tabler/icons-react/dist/esm/icons/IconChevronLeft.mjs";
export { default as IconChevronRight } from "@tabler/icons-react/dist/esm/icons/IconChevronRight.mjs";
export { default as IconDownload } from "@tabler/icons-react/dist/esm/icons/IconDownload.mjs";
export { default as IconEraser } from "@tabler/icons-react/dist/esm/icons/IconEraser.mjs";
export { default as IconEye } from "@tabler/icons-react/dist/esm/icons/IconEye.mjs";
export { default as IconFileImport } from "@tabler/icons-react/dist/esm/icons/IconFileImport.mjs";
export { default as IconFocus2 } from "@tabler/icons-react/dist/esm/icons/IconFocus2.mjs";
export { default as IconGrid3x3 } from "@tabler/icons-react/dist/esm/icons/IconGrid3x3.mjs";
export { default as IconLayoutBottombar } from "@tabler/icons-react/dist/esm/icons/IconLayoutBottombar.mjs";
export { default as IconMaximize } from "@tabler/icons-react/dist/esm/icons/IconMaximize.mjs";
export { default as IconMinimize } from "@tabler/icons-react/dist/esm/icons/IconMinimize.mjs";
export { default as IconPhoto } from "@tabler/icons-react/dist/esm/icons/IconPhoto.mjs";
export { default as IconZoomIn } from "@tabler/icons-react/dist/esm/icons/IconZoomIn.mjs";
export { default as IconZoomOut } from "@tabler/icons-react/dist/esm/icons/IconZoomOut.mjs";
