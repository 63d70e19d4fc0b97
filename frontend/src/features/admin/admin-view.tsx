"use client";
import { useState } from "react";
import { Segmented } from "@/components/segmented";
import { useTranslations } from "@/lib/i18n";
import { AccountsSection } from "./accounts-section";
import { AuditSection } from "./audit-section";
import { FailuresSection } from "./failures-section";
import { QueueSection } from "./queue-section";
import { StorageSection } from "./storage-section";
import { WorkersSection } from "./workers-section";

const SECTIONS = ["queue", "workers", "users", "storage", "failures", "audit"] as const;

export function AdminView() {
  const t = useTranslations("admin");
  const [section, setSection] = useState<(typeof SECTIONS)[number]>("queue");
  const [actor, setActor] = useState("");
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-6">
      <div className="flex flex-wrap items-center justify-between gap-4">
        <h1 className="text-l font-semibold">{t("title")}</h1>
        {/* Wider than a phone in some languages. */}
        <div className="w-full overflow-x-auto lg:w-auto">
          <div className="min-w-[38rem]">
            <Segmented
              label={t("sections")}
              hideLabel
              value={section}
              onChange={setSection}
              options={SECTIONS.map((value) => ({ value, label: t(value) }))}
            />
          </div>
        </div>
      </div>
      {section === "queue" ? <QueueSection /> : null}
      {section === "workers" ? <WorkersSection /> : null}
      {section === "users" ? (
        <AccountsSection
          onAudit={(id) => {
            setActor(id);
            setSection("audit");
          }}
        />
      ) : null}
      {section === "storage" ? <StorageSection /> : null}
      {section === "failures" ? <FailuresSection /> : null}
      {section === "audit" ? <AuditSection actor={actor} onActor={setActor} /> : null}
    </div>
  );
}
