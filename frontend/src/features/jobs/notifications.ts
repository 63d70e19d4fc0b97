/** Notifications of the browser. Chrome on Android has the interface, but its constructor throws. */
import { usePreferences } from "@/lib/preferences";

let works: boolean | undefined;

/** Shows a notification; false if the constructor throws. */
function construct(...options: ConstructorParameters<typeof Notification>): boolean {
  try {
    return Boolean(new Notification(...options));
  } catch {
    return false;
  }
}

/** Whether there are notifications here. Asked by making one, which is not shown as long as there is no permission. */
export function canNotify(): boolean {
  if (!("Notification" in window)) return false;
  works ??= Notification.permission === "granted" || construct("");
  return works;
}

export function showNotification(...options: ConstructorParameters<typeof Notification>): void {
  if (!canNotify() || Notification.permission !== "granted") return;
  works = construct(...options);
  if (!works) usePreferences.getState().set({ notifications: false });
}
