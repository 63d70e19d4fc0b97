import { expect, test, vi } from "vitest";
import { align, differences, mustMove, placeOf, playTogether, shapeOf, type Media } from "./sync";

test("a shorter video waits at its end", () => {
  expect(placeOf(0.5, 2)).toBe(0.5);
  expect(placeOf(3, 2)).toBeCloseTo(2, 2);
  expect(placeOf(3, Number.NaN)).toBe(0);
});

test("small differences are left alone", () => {
  expect(mustMove(1.05, 1, 2)).toBe(false);
  expect(mustMove(1.2, 1, 2)).toBe(true);
  expect(mustMove(1.999, 5, 2)).toBe(false);
});

function media(change: Partial<Media> = {}): Media {
  return { currentTime: 0, duration: 2, paused: false, seeking: false, ended: false, play: vi.fn(() => Promise.resolve()), ...change };
}

test("a follower that is away is moved; one that is being moved is left alone", () => {
  const [away, moving] = [media({ currentTime: 0.5 }), media({ currentTime: 2, seeking: true })];
  align(media({ currentTime: 1 }), [away, moving]);
  expect([away.currentTime, moving.currentTime]).toEqual([1, 2]);
});

test("all start again together when the leader has ended", () => {
  const [leader, shorter] = [media({ currentTime: 2, ended: true, paused: true }), media({ currentTime: 1, duration: 1, ended: true, paused: true })];
  playTogether(leader, [shorter]);
  expect([leader.currentTime, shorter.currentTime]).toEqual([0, 0]);
  expect([leader.play, shorter.play].map((play) => vi.mocked(play).mock.calls.length)).toEqual([1, 1]);
});

test("a follower that stopped plays again, a shorter one waits at its end", () => {
  const [stopped, shorter] = [media({ currentTime: 1.5, paused: true }), media({ currentTime: 1, duration: 1, paused: true, ended: true })];
  playTogether(media({ currentTime: 1.5 }), [stopped, shorter]);
  expect([stopped.play, shorter.play].map((play) => vi.mocked(play).mock.calls.length)).toEqual([1, 0]);
  expect(shorter.currentTime).toBe(1);
});

test("nothing is moved while the leader itself is being moved", () => {
  const follower = media({ currentTime: 1.9 });
  playTogether(media({ currentTime: 0.1, seeking: true }), [follower]);
  expect(follower.currentTime).toBe(1.9);
});

test("places have the shape of the videos if they agree, otherwise they are square", () => {
  const wide = { video: { width: 640, height: 360 } };
  expect(shapeOf([wide, { video: { width: 1280, height: 720 } }, { video: null }])).toBeCloseTo(16 / 9);
  expect(shapeOf([wide, { video: { width: 512, height: 512 } }])).toBe(1);
  expect(shapeOf([{ video: null }])).toBe(1);
});

test("only what differs between recipes is shown", () => {
  const recipes = [
    { seed: 1, model: "tiny", loop: false },
    { seed: 2, model: "tiny", style: "noir", loop: false },
  ];
  expect(differences(recipes)).toEqual([
    ["seed", ["1", "2"]],
    ["style", ["–", "noir"]],
  ]);
});
