"use client";
import { useId, useState, type KeyboardEvent } from "react";
import { Search } from "lucide-react";
import { Dialog } from "@/components/dialog";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { matching, type Command } from "./command";

type Props = { commands: Command[]; onSearchGallery: (query: string) => void; onClose: () => void };

/** Every place and action by its name: type, choose with the arrows, Enter. */
export function CommandMenu({ commands, onSearchGallery, onClose }: Props) {
  const t = useTranslations("commands");
  const listId = useId();
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const text = query.trim();
  const search: Command = { id: "search", label: t("searchGallery", { query: text }), icon: <Search aria-hidden />, run: () => onSearchGallery(text) };
  const shown = [...matching(commands, query), ...(text ? [search] : [])];
  const current = shown[Math.min(at, shown.length - 1)];
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length > 0) {
      event.preventDefault();
      setAt((Math.min(at, shown.length - 1) + step + shown.length) % shown.length);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      run(current);
    }
  };
  return (
    <Dialog title={t("title")} onClose={onClose}>
      <input
        role="combobox"
        aria-label={t("search")}
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={current ? `${listId}-${current.id}` : undefined}
        aria-autocomplete="list"
        data-autofocus
        placeholder={t("search")}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
        className="h-11 w-full rounded-s border border-input bg-bg px-3 outline-none focus:border-ring"
      />
      <ul id={listId} role="listbox" aria-label={t("results")} className="-mx-2 grid max-h-[50svh] overflow-y-auto">
        {shown.map((command) => (
          // The keyboard works in the field, which names the chosen option.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <li
            key={command.id}
            id={`${listId}-${command.id}`}
            role="option"
            aria-selected={command === current}
            onClick={() => run(command)}
            className={cx(
              "flex min-h-10 cursor-pointer items-center gap-3 rounded-s px-3 text-s [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-muted",
              command === current ? "bg-raised hairline" : "hover:bg-raised",
            )}
          >
            {command.icon}
            <span className="min-w-0 truncate">{command.label}</span>
          </li>
        ))}
      </ul>
      {shown.length === 0 ? <p className="text-s text-muted">{t("none", { query: text })}</p> : null}
    </Dialog>
  );
}
