/// Files of the board on their way to the server.

import type { Refusal } from "../app/live";

type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

export interface Uploaded {
  readonly file: string;
  readonly type: string;
  readonly width: number;
  readonly height: number;
}

export interface Progress {
  readonly state: "sending" | "converting" | "rendering";
  readonly done: number;
  readonly total: number;
}

interface Import extends Partial<Refusal> {
  readonly id: string;
  readonly state: "converting" | "rendering" | "done" | "failed";
  readonly done?: number;
  readonly total?: number;
  readonly left_out?: number;
}

const ASK_EVERY = 1_000; // ms
const UNREACHABLE: Refusal = { code: "unavailable", message: "" };

export async function uploadImage(send: Fetch, file: Blob): Promise<Uploaded | Refusal> {
  return (await post<Uploaded>(send, "/files", file)) as Uploaded | Refusal;
}

/** Have a document become pages after `page`. How many of its elements the board has no place for, or why it was not done. */
export async function importFile(send: Fetch, file: File, page: number, tell: (progress: Progress) => void): Promise<number | Refusal> {
  let answer = await post<Import>(send, `/imports?name=${encodeURIComponent(file.name)}&after=${page}`, file);
  while ("state" in answer && (answer.state === "converting" || answer.state === "rendering")) {
    tell({ state: answer.state, done: answer.done ?? 0, total: answer.total ?? 0 });
    await new Promise((next) => setTimeout(next, ASK_EVERY));
    const asked: Import | Refusal = await read<Import>(send(`/imports/${encodeURIComponent(answer.id)}`));
    if ("state" in asked) answer = asked;
    else if (asked.code !== UNREACHABLE.code) return asked;
  }
  if ("state" in answer && answer.state === "done") return answer.left_out ?? 0;
  return { code: answer.code ?? UNREACHABLE.code, message: answer.message ?? "" };
}

function post<T>(send: Fetch, path: string, body: Blob): Promise<T | Refusal> {
  return read<T>(send(path, { method: "POST", body, headers: { "Content-Type": body.type || "application/octet-stream" } }));
}

async function read<T>(request: Promise<Response>): Promise<T | Refusal> {
  try {
    const answer = await request;
    const told = (await answer.json()) as T & { error?: Refusal } & Refusal;
    if (answer.ok) return told;
    return told.error ?? { code: told.code ?? "unavailable", message: told.message ?? "" };
  } catch {
    return UNREACHABLE;
  }
}
