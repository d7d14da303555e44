// Not TypeScript: the engine's own start-up compiles a .ts file named as the entry with a compiler of its own, while what
// this file imports is stripped of its types by Node.
import "./pack.ts";
