/// Socket.IO's MessagePack parser, which also takes the server's shorthand: a message whose first byte is below 128 is no
/// packet, and comes out as an event `shorthand` with its bytes.

import * as msgpack from "socket.io-msgpack-parser";

class Decoder extends msgpack.Decoder {
  override add(message: ArrayBuffer | Uint8Array): void {
    const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
    if ((bytes[0] ?? 128) < 128) this.emit("decoded", { type: msgpack.PacketType.EVENT, nsp: "/", data: ["shorthand", bytes] });
    else super.add(message);
  }
}

export const protocol = msgpack.protocol;
export const PacketType = msgpack.PacketType;
export const Encoder = msgpack.Encoder;
export { Decoder };
