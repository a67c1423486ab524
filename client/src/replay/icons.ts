/// The icons of the player, each imported from its own file.
export { default as IconArrowLeft } from "@tabler/icons-react/dist/esm/icons/IconArrowLeft.mjs";
export { default as IconMaximize } from "@tabler/icons-react/dist/esm/icons/IconMaximize.mjs";
export { default as IconMovieOff } from "@tabler/icons-react/dist/esm/icons/IconMovieOff.mjs";
export { default as IconPlayerPause } from "@tabler/icons-react/dist/esm/icons/IconPlayerPause.mjs";
export { default as IconRewindBackward10 } from "@tabler/icons-react/dist/esm/icons/IconRewindBackward10.mjs";
export { default as IconRewindForward10 } from "@tabler/icons-react/dist/esm/icons/IconRewindForward10.mjs";
