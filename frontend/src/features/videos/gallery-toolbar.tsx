"use client";
import { SelectField, TextField } from "@/components/field";
import { Segmented } from "@/components/segmented";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { useTags } from "./api";
import { DateFilter } from "./date-filter";
import { SHOWN, type Filters } from "./filters";

type Props = { filters: Filters; search: string; onSearch: (text: string) => void; onChange: (change: Partial<Filters>) => void };

/** Search and filters of the gallery. */
export function GalleryToolbar({ filters, search, onSearch, onChange }: Props) {
  const t = useTranslations("videos");
  const tags = useTags().data ?? [];
  const known = tags.some(({ tag }) => tag === filters.tag) || !filters.tag ? tags : [{ tag: filters.tag, count: 0 }, ...tags];
  return (
    <div role="search" aria-label={t("title")} className="grid gap-3">
      <div className="flex flex-wrap items-end gap-3">
        <div className="w-full sm:w-auto sm:min-w-[24rem]">
          <Segmented
            hideLabel
            label={t("shown")}
            value={filters.show}
            onChange={(show) => onChange({ show })}
            options={SHOWN.map((value) => ({ value, label: t(`show.${value}`) }))}
          />
        </div>
        <div className="min-w-0 flex-1 basis-60">
          <TextField hideLabel label={t("search")} type="search" placeholder={t("search")} value={search} onChange={(event) => onSearch(event.target.value)} />
        </div>
      </div>
      <div className="grid grid-cols-2 items-end gap-3 sm:flex sm:flex-wrap">
        <SelectField
          hideLabel
          label={t("tag")}
          value={filters.tag}
          onChange={(event) => onChange({ tag: event.target.value })}
          options={[{ value: "", label: t("anyTag") }, ...known.map(({ tag, count }) => ({ value: tag, label: t("tagCount", { tag, count }) }))]}
        />
        <SelectField
          hideLabel
          label={t("format")}
          value={filters.format}
          onChange={(event) => onChange({ format: event.target.value as Filters["format"] })}
          options={[{ value: "", label: t("anyFormat") }, ...LIMITS.format.values.map((value) => ({ value, label: value.toUpperCase() }))]}
        />
        <DateFilter period={filters} onChange={onChange} />
      </div>
    </div>
  );
}
