/// The frame of every page: the look, what catches a broken part, notices, and the page that the path names.

import { MantineProvider } from "@mantine/core";
import { useEffect, useRef } from "react";
import { Home } from "../lobby/Home";
import { RoomPage } from "../lobby/RoomPage";
import { ErrorBoundary } from "./ErrorBoundary";
import { usePlace } from "./router";
import { theme } from "./theme";
import { Announcer, Toasts } from "./toast";

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <ErrorBoundary>
        <Page />
      </ErrorBoundary>
      <Toasts />
      <Announcer />
    </MantineProvider>
  );
}

function Page() {
  const place = usePlace();
  const first = useRef(true);
  const key = place.page === "home" ? "" : `${place.page} ${place.room}`;
  useEffect(() => {
    // A new page starts at its top, for the eyes and for the keyboard.
    if (!first.current) document.querySelector<HTMLElement>("h1")?.focus();
    first.current = false;
  }, [key]);
  return place.page === "home" ? <Home /> : <RoomPage key={place.room} room={place.room} recording={place.page === "recording"} />;
}
