/**
 * One origin: carries requests of the gateway to GATEWAY_URL, which is read at run time, and sets the headers of pages.
 * The rewrite passes WebSockets, server-sent events and range requests through.
 */
import { NextResponse, type NextRequest } from "next/server";
import { pagePolicy } from "@/lib/security-headers";

const GATEWAY_PATHS = ["/api/", "/v1/", "/healthz", "/readyz"];

export function proxy(request: NextRequest): NextResponse {
  const { pathname, search } = request.nextUrl;
  if (GATEWAY_PATHS.some((path) => pathname.startsWith(path))) {
    return NextResponse.rewrite(new URL(pathname + search, gatewayUrl()));
  }
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
  const policy = pagePolicy(nonce, {
    development: process.env.NODE_ENV === "development",
    mediaOrigins: (process.env.MEDIA_ORIGINS ?? "").split(/[\s,]+/).filter(Boolean),
    splineScene: process.env.NEXT_PUBLIC_SPLINE_SCENE ?? "",
  });
  // Next.js reads the nonce for its own scripts from the request's policy.
  const headers = new Headers(request.headers);
  headers.set("content-security-policy", policy["content-security-policy"]);
  headers.set("x-nonce", nonce);
  const response = NextResponse.next({ request: { headers } });
  for (const [name, value] of Object.entries(policy)) response.headers.set(name, value);
  return response;
}

function gatewayUrl(): string {
  return process.env.GATEWAY_URL ?? "http://127.0.0.1:8000";
}

export const config = { matcher: ["/((?!_next/static|_next/image|icon.svg).*)"] };
