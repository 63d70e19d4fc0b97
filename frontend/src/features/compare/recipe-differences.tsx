"use client";
import { Table } from "@/components/table";
import { nameOf, type Video } from "@/features/videos/api";
import { useTranslations } from "@/lib/i18n";
import { differences } from "./sync";
import { useSetting } from "./use-setting";

/** What was set differently. */
export function RecipeDifferences({ videos }: { videos: Video[] }) {
  const t = useTranslations("compare");
  const { nameOf: nameOfSetting, valueOf } = useSetting();
  const recipes = videos.map(({ prompt, format, video, resolved }) => ({ ...resolved, prompt, format, width: video?.width, height: video?.height, fps: video?.fps }));
  const rows = differences(recipes.map((recipe) => Object.fromEntries(Object.entries(recipe).map(([name, value]) => [name, valueOf(name, value)]))));
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <h2 className="font-medium">{t("differences")}</h2>
      {rows.length === 0 ? <p className="text-muted">{t("same")}</p> : null}
      {rows.length > 0 ? (
        <Table label={t("differences")} head={[t("field"), ...videos.map((video, index) => `${index + 1} · ${nameOf(video).slice(0, 40)}`)]}>
          {rows.map(([name, values]) => (
            <tr key={name}>
              <th scope="row" className="border-t border-border px-4 py-2.5 font-normal text-muted">
                {nameOfSetting(name)}
              </th>
              {values.map((value, index) => (
                <td key={videos[index]?.id} className="tabular max-w-72 [overflow-wrap:anywhere]">
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </Table>
      ) : null}
    </div>
  );
}
