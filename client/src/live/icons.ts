/// The icons of the live part, each imported from its own file.
export { default as IconAntennaBars } from "@tabler/icons-react/dist/esm/icons/IconAntennaBars5.mjs";
export { default as IconBadgeCc } from "@tabler/icons-react/dist/esm/icons/IconBadgeCc.mjs";
export { default as IconHeadphones } from "@tabler/icons-react/dist/esm/icons/IconHeadphones.mjs";
export { default as IconMaximize } from "@tabler/icons-react/dist/esm/icons/IconMaximize.mjs";
export { default as IconMicrophoneOff } from "@tabler/icons-react/dist/esm/icons/IconMicrophoneOff.mjs";
export { default as IconPictureInPicture } from "@tabler/icons-react/dist/esm/icons/IconPictureInPicture.mjs";
export { default as IconScreenShare } from "@tabler/icons-react/dist/esm/icons/IconScreenShare.mjs";
export { default as IconScreenShareOff } from "@tabler/icons-react/dist/esm/icons/IconScreenShareOff.mjs";
export { default as IconVideoOff } from "@tabler/icons-react/dist/esm/icons/IconVideoOff.mjs";
export { IconMicrophone, IconVideo } from "../common/icons";
