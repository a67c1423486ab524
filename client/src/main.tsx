/// The browser's entry: languages first, so that the first words shown are in the right one.

import "./app/mantine";
import "./app/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { keepFocus } from "./common/focus";
import { startLanguages } from "./i18n";

await startLanguages();
keepFocus();
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
