/// In place of the package that makes drawings of Mermaid's language: it is not offered here.

export function parseMermaidToExcalidraw(): never {
  throw new Error("Diagrams from text are not offered here.");
}
