import next from "@next/eslint-plugin-next";
import a11y from "eslint-plugin-jsx-a11y";
import react from "eslint-plugin-react";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

// One direction: app -> features -> components -> lib.
const layers = {
  lib: ["@/components/*", "@/features/*", "@/app/*"],
  components: ["@/features/*", "@/app/*"],
  features: ["@/app/*"],
};

export default tseslint.config(
  { ignores: [".next/**", "node_modules/**", "next-env.d.ts", "src/lib/api/*.gen.ts"] },
  ...tseslint.configs.strict,
  { languageOptions: { parserOptions: { ecmaFeatures: { jsx: true } } } },
  {
    files: ["**/*.{ts,tsx}"],
    plugins: { "@next/next": next, "jsx-a11y": a11y, react, "react-hooks": hooks },
    settings: { react: { version: "19" } },
    rules: {
      ...next.configs.recommended.rules,
      ...next.configs["core-web-vitals"].rules,
      ...a11y.flatConfigs.recommended.rules,
      ...hooks.configs.recommended.rules,
      // `role` of a component is a role of the account, not of an element.
      "jsx-a11y/aria-role": ["error", { ignoreNonDOM: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@next/next/no-img-element": "off",
      "jsx-a11y/media-has-caption": "off",
      "no-restricted-properties": ["error", { object: "console", property: "log" }],
    },
  },
  {
    // Every text that people read is a message of src/lib/i18n.
    files: ["src/**/*.tsx"],
    ignores: ["src/**/*.test.tsx"],
    rules: {
      "react/jsx-no-literals": ["error", { noStrings: false, allowedStrings: ["·", "×", "–", "/", "%", "+", "?", "…"] }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name=/^(aria-label|aria-description|placeholder|title|alt|label)$/] > Literal[value=/[A-Za-z]/]",
          message: "Use a message of src/lib/i18n.",
        },
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Text stays text." },
      ],
    },
  },
  ...Object.entries(layers).map(([layer, patterns]) => ({
    files: [`src/${layer}/**/*.{ts,tsx}`],
    rules: {
      "no-restricted-imports": ["error", { patterns: [{ group: patterns, message: "Imports go app -> features -> components -> lib." }] }],
    },
  })),
);
