"use client";
import { useState } from "react";
import { Maximize2, Sun } from "lucide-react";
import ShortcutHelp from "@/app/_shell/shortcut-help";
import { Button, IconButton } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { MovingPoster } from "@/components/moving-poster";
import { Overlay } from "@/components/overlay";
import { Player } from "@/components/player";
import { Table } from "@/components/table";
import { CommandMenu } from "@/features/commands/command-menu";
import { AuraHero, CssAura } from "@/features/landing/aura-hero";
import { ReportDialog } from "@/features/reports/report-dialog";
import { EditDialog } from "@/features/videos/edit-dialog";
import { FinishDialog } from "@/features/videos/finish-dialog";
import { PublishDialog } from "@/features/videos/publish-dialog";
import { ShareDialog } from "@/features/videos/share-dialog";
import { VideoSkeleton } from "@/features/videos/video-view";
import { useTranslations } from "@/lib/i18n";
import { Specimen } from "./specimen";
import { MOVING, POSTER, TILES, video } from "./video-samples";

const none = () => undefined;
const SAMPLE = video("dialog");
type Opened = "dialog" | "wide" | "overlay" | "shortcuts" | "commands" | "report" | "edit" | "finish" | "publish" | "share";

/** What lies above the page, what frames its content, and what moves. */
export function Surfaces() {
  const t = useTranslations();
  return (
    <>
      <Specimen of="AuraHero" look="pair">
        <div className="relative h-64 overflow-hidden rounded-l">
          <AuraHero />
        </div>
        <div className="relative h-64 overflow-hidden rounded-l">
          <CssAura />
        </div>
      </Specimen>
      <Specimen of="Dialog">
        <Dialogs />
      </Specimen>
      <Specimen of="Table" look="stack">
        <Table label={t("admin.audit")} head={[t("admin.at"), t("admin.action")]}>
          {TILES.slice(0, 3).map(({ id, prompt }) => (
            <tr key={id}>
              <td>{id}</td>
              <td>{prompt}</td>
            </tr>
          ))}
        </Table>
      </Specimen>
      <Specimen of="Player" look="pair">
        <Player src={POSTER} name={t("videos.videoName", { title: "GIF" })} size={{ width: 16, height: 9 }} isGif onExpired={none} />
        <Player src="data:video/mp4," name={t("videos.unplayable")} size={{ width: 16, height: 9 }} isGif={false} onExpired={none} />
      </Specimen>
      <Specimen of="MovingPoster">
        {([MOVING, null] as const).map((preview) => (
          <button key={String(preview)} type="button" aria-label={t("jobs.play")} className="size-32 overflow-hidden rounded-l bg-raised">
            <MovingPoster poster={POSTER} preview={preview} alt="" />
          </button>
        ))}
        <span className="size-32 overflow-hidden rounded-l bg-raised">
          <MovingPoster poster={null} preview={null} alt="" />
        </span>
      </Specimen>
    </>
  );
}

function Dialogs() {
  const t = useTranslations();
  const [open, setOpen] = useState<Opened | null>(null);
  const close = () => setOpen(null);
  const names: Record<Opened, string> = {
    dialog: t("settings.delete"),
    wide: t("settings.delete"),
    overlay: t("videos.fullPage"),
    shortcuts: t("shell.shortcuts"),
    commands: t("commands.open"),
    report: t("published.report"),
    edit: t("videos.edit"),
    finish: t("videos.finish"),
    publish: t("videos.publish"),
    share: t("videos.share"),
  };
  return (
    <>
      {(Object.keys(names) as Opened[]).map((name) => (
        <Button key={name} onClick={() => setOpen(name)}>
          {names[name]}
        </Button>
      ))}
      {open === "dialog" || open === "wide" ? (
        <Dialog title={names[open]} wide={open === "wide"} onClose={close}>
          <p>{t("settings.deleteLead")}</p>
        </Dialog>
      ) : null}
      {open === "overlay" ? (
        <Overlay label={t("videos.title")} onClose={close} actions={<IconButton name={t("videos.fullPage")}><Maximize2 aria-hidden /></IconButton>}>
          <VideoSkeleton heading="h2" />
        </Overlay>
      ) : null}
      {open === "shortcuts" ? <ShortcutHelp onClose={close} /> : null}
      {open === "commands" ? (
        <CommandMenu commands={[{ id: "light", label: t("commands.themeLight"), icon: <Sun aria-hidden />, run: none }]} onSearchGallery={none} onClose={close} />
      ) : null}
      {open === "report" ? <ReportDialog reported={{ video_id: SAMPLE.id }} onClose={close} /> : null}
      {open === "edit" ? <EditDialog video={SAMPLE} onClose={close} /> : null}
      {open === "finish" ? <FinishDialog video={SAMPLE} onClose={close} /> : null}
      {open === "publish" ? <PublishDialog video={SAMPLE} onClose={close} /> : null}
      {open === "share" ? <ShareDialog video={SAMPLE} onClose={close} /> : null}
    </>
  );
}
