"use client";
import { useRouter } from "next/navigation";
import { Clapperboard, Heart, Images, Keyboard, ListVideo, LogIn, LogOut, Monitor, Moon, Settings, ShieldCheck, SlidersHorizontal, Sun, Trash2 } from "lucide-react";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { logOut } from "@/features/auth/api";
import { useMe, useSession } from "@/features/auth/use-session";
import type { Command } from "@/features/commands/command";
import { CommandMenu } from "@/features/commands/command-menu";
import { useTranslations } from "@/lib/i18n";
import { setTheme } from "@/lib/preferences";

type Props = { onShortcuts: () => void; onClose: () => void };

/** The command menu of this app. Loaded when it is first opened. */
export default function Commands({ onShortcuts, onClose }: Props) {
  const t = useTranslations("commands");
  const shell = useTranslations("shell");
  const errorText = useErrorText();
  const router = useRouter();
  const signedIn = useSession() === "signed-in";
  const role = useMe().data?.role;
  const go = (path: string) => () => router.push(path);
  const leave = () => void logOut().then(go("/"), (error: unknown) => toast(errorText(error), { tone: "danger" }));
  const account: Command[] = signedIn
    ? [
        { id: "settings", label: shell("settings"), icon: <Settings aria-hidden />, run: go("/settings") },
        { id: "favourites", label: t("favourites"), icon: <Heart aria-hidden />, run: go("/gallery?show=favourites") },
        { id: "trash", label: t("trash"), icon: <Trash2 aria-hidden />, run: go("/gallery?show=trash") },
        { id: "log-out", label: shell("logOut"), icon: <LogOut aria-hidden />, run: leave },
      ]
    : [{ id: "log-in", label: shell("logIn"), icon: <LogIn aria-hidden />, run: go("/login") }];
  const moderation: Command = { id: "moderation", label: shell("moderation"), icon: <ShieldCheck aria-hidden />, run: go("/moderation") };
  const admin: Command = { id: "admin", label: shell("admin"), icon: <SlidersHorizontal aria-hidden />, run: go("/admin") };
  const commands: Command[] = [
    { id: "create", label: shell("create"), icon: <Clapperboard aria-hidden />, run: go("/create") },
    { id: "queue", label: shell("queue"), icon: <ListVideo aria-hidden />, run: go("/queue") },
    { id: "gallery", label: shell("gallery"), icon: <Images aria-hidden />, run: go("/gallery") },
    ...(role && role !== "user" ? [moderation] : []),
    ...(role === "admin" ? [admin] : []),
    ...account,
    { id: "shortcuts", label: shell("shortcuts"), icon: <Keyboard aria-hidden />, run: onShortcuts },
    { id: "dark", label: t("themeDark"), icon: <Moon aria-hidden />, run: () => setTheme("dark") },
    { id: "light", label: t("themeLight"), icon: <Sun aria-hidden />, run: () => setTheme("light") },
    { id: "system", label: t("themeSystem"), icon: <Monitor aria-hidden />, run: () => setTheme("system") },
  ];
  return <CommandMenu commands={commands} onSearchGallery={(query) => router.push(`/gallery?q=${encodeURIComponent(query)}`)} onClose={onClose} />;
}
