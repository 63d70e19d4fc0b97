import { describe, expect, test } from "vitest";
import { video } from "@/test-samples";
import { NO_FILTERS } from "./filters";
import { LINKS_STALE_MS, expiring, withChanged, withPage, without, type Listed } from "./listed";

const ids = (text: string) => text.split("");
const page = (text: string, has_more = true) => ({ data: ids(text).map((id) => video(id)), first_id: text[0] ?? null, last_id: text.at(-1) ?? null, has_more });
const listed = (text: string, hasMore = true): Listed => ({ videos: ids(text).map((id) => video(id)), hasMore, readAt: new Map() });
const shown = ({ videos }: Listed) => videos.map(({ id }) => id).join("");

// Ids sort by time: "z" is the newest.
describe("a page", () => {
  test("is the list, at first", () => {
    expect(withPage(undefined, page("zyx"), null, 5)).toEqual({ ...listed("zyx"), readAt: new Map(ids("zyx").map((id) => [id, 5])) });
  });

  test("is appended", () => {
    expect(shown(withPage(listed("zyx"), page("wvu"), "x"))).toBe("zyxwvu");
    expect(withPage(listed("zyx"), page("wv", false), "x").hasMore).toBe(false);
    expect(shown(withPage(listed("zyx"), page("", false), "x"))).toBe("zyx");
  });

  test("is appended once, if it is read twice", () => {
    expect(shown(withPage(withPage(listed("zyx"), page("wvu"), "x"), page("wvu"), "x"))).toBe("zyxwvu");
  });

  test("brings new videos in front, and keeps what was loaded below", () => {
    const next = withPage(listed("xwvutsr"), page("zyx"));
    expect(shown(next)).toBe("zyxwvutsr");
    expect(next.hasMore).toBe(true);
    expect(withPage(listed("xwvutsr", false), page("zyx")).hasMore).toBe(false);
  });

  test("removes what it covers and no longer has", () => {
    expect(shown(withPage(listed("zyxwvu"), page("zxw")))).toBe("zxwvu");
    expect(shown(withPage(listed("zyxwvu"), page("xu"), "y"))).toBe("zyxu");
  });

  test("is all there is, if nothing follows it", () => {
    const next = withPage(listed("zyxwvu"), page("zy", false));
    expect([shown(next), next.hasMore]).toEqual(["zy", false]);
  });

  test("with new videos only: what follows it was never read", () => {
    const next = withPage(listed("utsrq", false), page("zyx"));
    expect([shown(next), next.hasMore]).toEqual(["zyx", true]);
  });
});

describe("changed videos", () => {
  test("are replaced in their place", () => {
    const next = withChanged(listed("zyx"), NO_FILTERS, [video("y", { title: "new" })], 5);
    expect([shown(next), next.videos[1]?.title, next.readAt.get("y")]).toEqual(["zyx", "new", 5]);
  });

  test("leave for the trash, and come back to their place", () => {
    const trashed = video("y", { trashed_at: "2026-01-01T00:00:00Z" });
    expect(shown(withChanged(listed("zyx"), NO_FILTERS, [trashed]))).toBe("zx");
    expect(shown(withChanged(listed("zx"), NO_FILTERS, [video("y")]))).toBe("zyx");
    expect(shown(withChanged(listed("zx"), { ...NO_FILTERS, show: "trash" }, [trashed]))).toBe("zyx");
  });

  test("enter where they fulfil the filters, as far as the list is loaded", () => {
    const favourites = { ...NO_FILTERS, show: "favourites" } as const;
    expect(shown(withChanged(listed("zx"), favourites, [video("y", { favourite: true })]))).toBe("zyx");
    expect(shown(withChanged(listed("zx"), favourites, [video("y")]))).toBe("zx");
    expect(shown(withChanged(listed("zx"), NO_FILTERS, [video("a")]))).toBe("zx");
    expect(shown(withChanged(listed("zx", false), NO_FILTERS, [video("a")]))).toBe("zxa");
  });

  test("that no longer fulfil a filter stay until the list is read again", () => {
    expect(shown(withChanged(listed("zyx"), { ...NO_FILTERS, show: "favourites" }, [video("y")]))).toBe("zyx");
  });
});

test("removed videos are gone at once", () => {
  expect(shown(without(listed("zyx"), ["y", "x"]))).toBe("z");
});

test("links are renewed from the first video in view whose links are old", () => {
  const now = LINKS_STALE_MS + 10;
  const list = { ...listed("zyxw"), readAt: new Map([["z", now], ["y", 5], ["x", now], ["w", now]]) };
  expect(expiring(list, 0, 3, now)).toEqual({ after: "z" });
  expect(expiring(list, 2, 3, now)).toBeUndefined();
  expect(expiring(listed("zy"), 0, 1, now)).toEqual({ after: null });
});
