/** The ids of `?ids=a,b`: each once, four at most. */
export function comparedIds(value: string | string[] | undefined): string[] {
  const text = Array.isArray(value) ? value.join(",") : (value ?? "");
  return [...new Set(text.split(",").filter((id) => /^[0-9a-f-]{36}$/i.test(id)))].slice(0, 4);
}
