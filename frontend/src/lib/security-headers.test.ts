import { expect, test } from "vitest";
import { pagePolicy } from "./security-headers";

const PRODUCTION = { development: false, mediaOrigins: [], splineScene: "" };
const scripts = (policy: string) => policy.split("; ").find((part) => part.startsWith("script-src ")) ?? "";

test("scripts run with the nonce of this response only", () => {
  const policy = pagePolicy("abc", PRODUCTION)["content-security-policy"];
  expect(scripts(policy)).toBe("script-src 'self' 'nonce-abc' 'strict-dynamic'");
  expect(policy).not.toContain("unsafe-eval");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
});

test("videos of an object store may load", () => {
  const policy = pagePolicy("abc", { ...PRODUCTION, mediaOrigins: ["https://s3.example"] })["content-security-policy"];
  expect(policy).toContain("media-src 'self' blob: data: https://s3.example");
});

test("a Spline scene is the only frame, and may be asked for", () => {
  expect(pagePolicy("abc", PRODUCTION)["content-security-policy"]).toContain("frame-src 'none'");
  expect(pagePolicy("abc", PRODUCTION)["content-security-policy"]).toContain("connect-src 'self';");
  const scene = { ...PRODUCTION, splineScene: "https://my.spline.design/scene" };
  expect(pagePolicy("abc", scene)["content-security-policy"]).toContain("frame-src https://my.spline.design;");
  expect(pagePolicy("abc", scene)["content-security-policy"]).toContain("connect-src 'self' https://my.spline.design;");
});
