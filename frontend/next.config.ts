import path from "node:path";
import type { NextConfig } from "next";

const config: NextConfig = {
  output: "standalone",
  outputFileTracingRoot: path.resolve(import.meta.dirname),
  turbopack: {
    root: path.resolve(import.meta.dirname),
    // Messages are compiled on the server (src/lib/i18n/compiled.ts): the browser needs a formatter, not the parser.
    resolveAlias: { "use-intl/format-message": "use-intl/format-message/format-only" },
  },
  // With compression, server-sent events are held back until the response ends.
  compress: false,
  poweredByHeader: false,
  reactStrictMode: true,
  devIndicators: false,
  // `make test` checks the types; a server that builds the app before its start does not check them again.
  typescript: { ignoreBuildErrors: process.env.AURA_BUILD_ONLY === "1" },
  generateBuildId: () => process.env.AURA_BUILD_ID ?? null,
};

export default config;
