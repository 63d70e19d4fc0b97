type Options = { development: boolean; mediaOrigins: string[]; splineScene: string };
type Headers = Record<string, string> & { "content-security-policy": string };

/** The security headers of a page. Scripts run with the nonce of this response only. */
export function pagePolicy(nonce: string, { development, mediaOrigins, splineScene }: Options): Headers {
  const media = ["'self'", "blob:", "data:", ...mediaOrigins].join(" ");
  // The development server evaluates modules.
  const evaluation = development ? ["'unsafe-eval'"] : [];
  const scene = splineScene ? [new URL(splineScene).origin] : [];
  const policy = {
    "default-src": "'none'",
    "script-src": ["'self'", `'nonce-${nonce}'`, "'strict-dynamic'", ...evaluation].join(" "),
    // Elements with a style attribute cannot carry a nonce; style sheets can.
    "style-src": development ? "'self' 'unsafe-inline'" : `'self' 'nonce-${nonce}'`,
    "style-src-attr": "'unsafe-inline'",
    "img-src": media,
    "media-src": media,
    "font-src": "'self'",
    "connect-src": ["'self'", ...mediaOrigins, ...scene].join(" "),
    "frame-src": scene.join("") || "'none'",
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
  };
  return {
    "content-security-policy": Object.entries(policy)
      .map(([name, value]) => `${name} ${value}`)
      .join("; "),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "private, no-store",
  };
}
