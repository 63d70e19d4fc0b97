import path from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": path.resolve(import.meta.dirname, "src") } },
  test: {
    projects: [
      { extends: true, test: { name: "components", environment: "jsdom", include: ["src/**/*.test.tsx"], setupFiles: ["./src/test-setup.ts"] } },
      // Without a document they start faster. A file that needs one says so in its first line.
      { extends: true, test: { name: "logic", environment: "node", include: ["src/**/*.test.ts"] } },
    ],
  },
});
