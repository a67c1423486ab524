/// The board as it was: the page that the class looked at.

import { useRoom } from "../app/live";
import { BoardDesk } from "../whiteboard/context";
import { Viewer } from "../whiteboard/Viewer";
import { usePlaying } from "./context";

export default function PastBoard() {
  const { replay } = usePlaying();
  const page = useRoom((room) => room.board.current);
  return (
    <BoardDesk pages={replay.pages}>
      <Viewer page={page} />
    </BoardDesk>
  );
}
