"use client";
import { useState } from "react";
import { Segmented } from "@/components/segmented";
import { useTranslations } from "@/lib/i18n";
import { AccountsSection } from "./accounts-section";
import { AuditSection } from "./audit-section";
import { SystemSection } from "./system-section";

const SECTIONS = ["users", "audit", "system"] as const;

export function AdminView() {
  const t = useTranslations("admin");
  const [section, setSection] = useState<(typeof SECTIONS)[number]>("users");
  const [actor, setActor] = useState("");
  return (
    <div className="grid gap-6">
      <div className="flex flex-wrap items-center justify-between gap-4">
        <h1 className="text-l font-semibold">{t("title")}</h1>
        <div className="w-full max-w-md">
          <Segmented
            label={t("sections")}
            hideLabel
            value={section}
            onChange={setSection}
            options={SECTIONS.map((value) => ({ value, label: t(value) }))}
          />
        </div>
      </div>
      {section === "users" ? (
        <AccountsSection
          onAudit={(id) => {
            setActor(id);
            setSection("audit");
          }}
        />
      ) : null}
      {section === "audit" ? <AuditSection actor={actor} onActor={setActor} /> : null}
      {section === "system" ? <SystemSection /> : null}
    </div>
  );
}
