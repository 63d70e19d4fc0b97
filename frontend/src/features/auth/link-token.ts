/**
 * The token of a mailed link. It arrives in the fragment of the address, which is sent to no server, or in the query. It
 * is taken out of the address at once, so that no entry of the history shows it, and kept in this tab: it survives a
 * reload and the log-in that a page may ask for. `forget` removes it when it was used.
 */

const PREFIX = "aura.link-token";
/** By path. Also what this page uses where storage is blocked. */
const taken = new Map<string, string>();

const keyOf = (path: string) => `${PREFIX}:${path}`;

function inAddress(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get("token") ?? new URLSearchParams(location.search).get("token");
}

function inTab(path: string): string | null {
  try {
    return sessionStorage.getItem(keyOf(path));
  } catch {
    return null;
  }
}

export const linkToken = {
  read: (path: string): string | null => inAddress() ?? taken.get(path) ?? inTab(path),

  /** Keeps the token in this tab, so that the address can do without it. */
  keep(path: string): void {
    const token = linkToken.read(path);
    if (!token) return;
    taken.set(path, token);
    try {
      sessionStorage.setItem(keyOf(path), token);
    } catch {
      // Storage may be blocked: the token then lives as long as the page.
    }
  },

  /** Takes the token out of the address, and out of the history with it. */
  hide(path: string): void {
    // Without a state of its own, Next.js takes the new address over.
    if (location.pathname === path && inAddress()) history.replaceState(null, "", path);
  },

  /** The page that has used the token goes on showing its result: `read` returns it until the page is loaded again. */
  forget(path: string): void {
    try {
      sessionStorage.removeItem(keyOf(path));
    } catch {
      // It was not stored.
    }
  },
};
